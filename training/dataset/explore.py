"""Figures of a data set: its radiographs, their sizes, the shape of their points, their indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from radiograph.errors import RadiographError
from radiograph.landmarks import ANATOMICAL, CALLIPERS
from radiograph.reading import ReadLimits, read
from radiograph.records import ERROR_FRAME_PX
from training.dataset.check import point_name
from training.dataset.layouts import list_data
from training.dataset.radiographs import SPLITS, AnnotatedRadiograph
from training.shape import ENLARGED_ABOVE, LATERAL_PAIRS, asymmetry, index_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointFigures:
    """Position of a point over the radiographs of a source, px of a 224 frame."""

    source: str
    point: str
    radiographs: int
    mean_x: float
    mean_y: float
    sd_x: float
    sd_y: float


@dataclass(frozen=True, slots=True)
class AsymmetryFigures:
    """Distance of a left point from its mirrored right one, px of a 224 frame."""

    source: str
    pair: str
    radiographs: int
    mean: float
    p95: float


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """Cardiothoracic indices of a split of a source."""

    source: str
    split: str
    radiographs: int
    mean: float
    sd: float | None
    p5: float
    median: float
    p95: float
    enlarged: float  # share above 0.50


@dataclass(frozen=True, slots=True)
class Exploration:
    """Figures of a data set. ``counts``: by source, category and split; ``sizes``: by source."""

    radiographs: int
    unreadable: int
    counts: tuple[Mapping[str, Any], ...]
    sizes: tuple[Mapping[str, Any], ...]
    points: tuple[PointFigures, ...]
    asymmetry: tuple[AsymmetryFigures, ...]
    index: tuple[IndexFigures, ...]

    def as_mapping(self) -> dict[str, Any]:
        """Return plain values under the keys of `dataset explore --json`.

        Keys that mean something else in results are printed beside the new ones for one version.
        """
        plain = asdict(self)
        for figures in plain["index"]:
            figures["enlarged_share"] = figures["enlarged"]
        return plain | {"asymmetry_of_pairs": plain["asymmetry"]}


@dataclass(frozen=True, slots=True)
class Shapes:
    """The points of N radiographs of one frame: ``points`` (N, 19, 2) px of a 224 frame."""

    radiographs: tuple[AnnotatedRadiograph, ...]
    points: Floats

    def of(self, source: str) -> Shapes:
        """Return the shapes of one source."""
        keep = [i for i, radiograph in enumerate(self.radiographs) if radiograph.source == source]
        return Shapes(tuple(self.radiographs[i] for i in keep), self.points[keep])

    @property
    def sources(self) -> list[str]:
        """Return the sources in alphabetical order."""
        return sorted({radiograph.source for radiograph in self.radiographs})


def explore_data(data: Path) -> tuple[Exploration, Shapes]:
    """Return the figures of every data set under ``data``. Raises DataMissing."""
    radiographs = list_data(data).radiographs
    sizes: Counter[tuple[str, int, int]] = Counter()
    readable: list[AnnotatedRadiograph] = []
    points: list[Floats] = []
    for radiograph in radiographs:
        size = image_size(radiograph.path)
        if size is None:
            continue
        columns, rows = size
        sizes[radiograph.source, columns, rows] += 1
        readable.append(radiograph)
        # Pixel centres are integers in both frames.
        scale = ERROR_FRAME_PX / max(size)
        points.append((radiograph.points.astype(np.float64) + 0.5) * scale - 0.5)
    shapes = Shapes(tuple(readable), np.stack(points) if points else np.empty((0, 19, 2)))
    by_source = [shapes.of(source) for source in shapes.sources]
    exploration = Exploration(
        radiographs=len(radiographs),
        unreadable=len(radiographs) - len(readable),
        counts=tuple(_counts(radiographs)),
        sizes=tuple(
            {"source": source, "columns": columns, "rows": rows, "radiographs": count}
            for (source, columns, rows), count in sorted(sizes.items())
        ),
        points=tuple(figures for part in by_source for figures in _points(part)),
        asymmetry=tuple(figures for part in by_source for figures in _asymmetry(part)),
        index=tuple(figures for part in by_source for figures in _index(part)),
    )
    return exploration, shapes


def image_size(path: Path) -> tuple[int, int] | None:
    """Return (columns, rows) of an upright image, from its header if possible."""
    try:
        if path.suffix.lower() == ".png":
            with Image.open(path) as image:
                return image.size
        rows, columns = read(path, ReadLimits()).pixels.shape
    except (OSError, ValueError, RadiographError, Image.DecompressionBombError):
        return None
    return columns, rows


def _counts(radiographs: Iterable[AnnotatedRadiograph]) -> Iterable[dict[str, Any]]:
    counted = Counter(
        (radiograph.source, radiograph.category, radiograph.split) for radiograph in radiographs
    )
    for source, category in sorted({key[:2] for key in counted}):
        by_split = {split: counted[source, category, split] for split in SPLITS}
        yield {
            "source": source,
            "category": category,
            **by_split,
            "all": sum(by_split.values()),
        }


def _points(shapes: Shapes) -> Iterable[PointFigures]:
    source = shapes.radiographs[0].source
    for i in (*ANATOMICAL, *CALLIPERS):
        places = shapes.points[:, i]
        places = places[np.isfinite(places).all(axis=1)]
        if len(places):
            mean, sd = places.mean(axis=0), places.std(axis=0)
            yield PointFigures(
                source, point_name(i), len(places), *_rounded(mean[0], mean[1], sd[0], sd[1])
            )


def _asymmetry(shapes: Shapes) -> Iterable[AsymmetryFigures]:
    known = np.isfinite(shapes.points[:, list(ANATOMICAL)]).all(axis=(1, 2))
    if not known.any():
        return
    source = shapes.radiographs[0].source
    apart = asymmetry(shapes.points[known])
    for column, (right, left) in zip(apart.T, LATERAL_PAIRS, strict=True):
        pair = f"{point_name(right)} {point_name(left)}"
        yield _asymmetry_of(source, pair, column, len(apart))
    yield _asymmetry_of(source, "all pairs", apart.ravel(), len(apart))
    yield _asymmetry_of(source, "mean of a radiograph", apart.mean(axis=1), len(apart))


def _asymmetry_of(source: str, pair: str, values: Floats, radiographs: int) -> AsymmetryFigures:
    figures = _rounded(values.mean(), np.percentile(values, 95))
    return AsymmetryFigures(source, pair, radiographs, *figures)


def _index(shapes: Shapes) -> Iterable[IndexFigures]:
    values = index_of(shapes.points)
    for split in SPLITS:
        here = np.array(
            [radiograph.split == split for radiograph in shapes.radiographs]
        ) & np.isfinite(values)
        if here.any():
            found = values[here]
            yield IndexFigures(
                source=shapes.radiographs[0].source,
                split=split,
                radiographs=len(found),
                mean=round(float(found.mean()), 4),
                sd=round(float(found.std(ddof=1)), 4) if len(found) > 1 else None,
                p5=round(float(np.percentile(found, 5)), 4),
                median=round(float(np.median(found)), 4),
                p95=round(float(np.percentile(found, 95)), 4),
                enlarged=round(float((found > ENLARGED_ABOVE).mean()), 4),
            )


def _rounded(*values: float) -> list[float]:
    return [round(float(value), 2) for value in values]
