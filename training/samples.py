"""Annotated radiographs as arrays: images, the points each has, outlines, split and source.

Points and outlines live in the pixels of the prepared square (``side`` with its margin), so that
augmentation and evaluation share one frame; ``scale`` leads from there to px of a 224 frame.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from network.input import INPUT_SIDE_PX, MARGIN_PX, fit_affine, prepare
from radiograph.landmarks import ANATOMICAL, CALLIPERS, Landmark
from radiograph.reading import ReadLimits, read
from radiograph.records import ERROR_FRAME_PX

POINTS = len(Landmark)
OUTLINE_FOLDERS = ("heart", "left_lung", "right_lung")
#: The square training augments from: larger than the network's, so that zooming in stays sharp.
TRAINING_SIDE_PX = 160
#: Sources that are never trained, tuned or calibrated on.
EXTERNAL_SPLIT = "external"

CALLIPER_COLUMNS = ("heart_right", "heart_left", "thorax_right", "thorax_left")


@dataclass(frozen=True, slots=True)
class Samples:
    """N annotated radiographs.

    ``images`` (N, side, side) uint8; ``points`` (N, 19, 2) float32 ``(x, y)`` px of the square,
    NaN where an image has no such point; ``outlines`` (N, 3, side, side) uint8 0/1 in the order
    heart, left lung, right lung; ``outlined`` (N,) whether they were drawn; ``frontal`` (N,) 1 for
    an upright frontal chest, 0 for anything else; ``scale`` (N,) px of a 224 frame a square px;
    ``names``, ``sources``, ``categories``, ``splits`` (N,) strings.
    """

    images: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float32]
    outlines: npt.NDArray[np.uint8]
    outlined: npt.NDArray[np.bool_]
    frontal: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    names: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    categories: npt.NDArray[np.str_]
    splits: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def where(self, keep: npt.NDArray[np.bool_]) -> Samples:
        """Return the samples for which ``keep`` (N,) is true."""
        return Samples(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def has_landmarks(self) -> npt.NDArray[np.bool_]:
        """(N,) whether all fifteen anatomical landmarks are annotated."""
        return np.asarray(np.isfinite(self.points[:, list(ANATOMICAL)]).all(axis=(1, 2)))

    def has_callipers(self) -> npt.NDArray[np.bool_]:
        """(N,) whether all four calliper points are annotated."""
        return np.asarray(np.isfinite(self.points[:, list(CALLIPERS)]).all(axis=(1, 2)))

    def split(self, *names: str) -> Samples:
        """Return the samples of the named splits."""
        return self.where(np.isin(self.splits, names))

    @classmethod
    def join(cls, parts: Iterable[Samples]) -> Samples:
        """Concatenate."""
        kept = [part for part in parts if len(part)]
        return cls(
            **{f.name: np.concatenate([getattr(p, f.name) for p in kept]) for f in fields(cls)}
        )

    def save(self, path: Path) -> None:
        """Write one compressed file, to carry a data set to another machine."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        arrays["outlines"] = np.packbits(self.outlines, axis=-1)
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            values = {f.name: arrays[f.name] for f in fields(cls)}
        values["outlines"] = np.unpackbits(values["outlines"], axis=-1)
        return cls(**values)


def read_samples(data: Path, *, side: int = TRAINING_SIDE_PX) -> Samples:
    """Read every data set found under ``data``: ``landmarks15`` and ``cardiothoracic``.

    Raises FileNotFoundError where neither is there.
    """
    parts = []
    if (data / "landmarks15").is_dir():
        parts.append(_stack(_landmark_set(data / "landmarks15"), side))
    if (data / "cardiothoracic").is_dir():
        parts.append(_stack(_cardiothoracic_set(data / "cardiothoracic"), side))
    if not parts:
        raise FileNotFoundError(f"neither landmarks15 nor cardiothoracic under {data}")
    return Samples.join(parts)


@dataclass(frozen=True, slots=True)
class _Row:
    image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    points: npt.NDArray[np.float32]  # (19, 2) upright file pixels, NaN where absent
    masks: list[Image.Image] | None
    name: str
    source: str
    category: str
    split: str
    frontal: float = 1.0


def _landmark_set(folder: Path) -> Iterator[_Row]:
    with (folder / "landmarks.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            points = np.full((POINTS, 2), np.nan, np.float32)
            for i in range(15):
                points[i] = float(row[f"x{i + 1}"]), float(row[f"y{i + 1}"])
            yield _Row(
                image=_pixels(folder / "images" / row["image"]),
                points=points,
                masks=None,
                name=row["image"],
                source="landmarks15",
                category=row["category"],
                split=row["split"],
            )


def _cardiothoracic_set(folder: Path) -> Iterator[_Row]:
    with (folder / "cardiothoracic.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            points = np.full((POINTS, 2), np.nan, np.float32)
            for i, name in enumerate(CALLIPER_COLUMNS):
                points[15 + i] = float(row[f"{name}_x"]), float(row[f"{name}_y"])
            yield _Row(
                image=_pixels(folder / "images" / row["image"]),
                points=points,
                masks=[
                    Image.open(folder / "masks" / outline / row["image"]).convert("L")
                    for outline in OUTLINE_FOLDERS
                ],
                name=row["image"],
                source=row["source"],
                category=row["source"],
                split=row["split"],
            )


def _pixels(path: Path) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    """Read a film as the worker reads it. Raises RadiographError."""
    return read(path, ReadLimits()).pixels


def _stack(rows: Iterable[_Row], side: int) -> Samples:
    images, points, outlines, outlined, scales, texts, frontal = [], [], [], [], [], [], []
    for row in rows:
        height, width = row.image.shape
        prepared = prepare(row.image, side=side, margin=training_margin(side))
        images.append(prepared.pixels)
        step = prepared.to_upright[(0, 1), (0, 1)]
        points.append(((row.points - prepared.to_upright[:, 2]) / step).astype(np.float32))
        scales.append(float(step[0]) * ERROR_FRAME_PX / max(height, width))
        outlined.append(row.masks is not None)
        outlines.append(
            np.zeros((len(OUTLINE_FOLDERS), side, side), np.uint8)
            if row.masks is None
            else np.stack([fit_mask(mask, side) for mask in row.masks])
        )
        texts.append((row.name, row.source, row.category, row.split))
        frontal.append(row.frontal)
    names, sources, categories, splits = (np.array(column) for column in zip(*texts, strict=True))
    return Samples(
        images=np.stack(images),
        points=np.stack(points),
        outlines=np.stack(outlines),
        outlined=np.array(outlined),
        frontal=np.array(frontal, np.float32),
        scale=np.array(scales, np.float32),
        names=names,
        sources=sources,
        categories=categories,
        splits=splits,
    )


def training_margin(side: int) -> int:
    """Margin of a square of ``side``, in the same proportion as the network's own."""
    return round(MARGIN_PX * side / INPUT_SIDE_PX)


def fit_mask(mask: Image.Image, side: int) -> npt.NDArray[np.uint8]:
    """Fit a mask of file pixels into the square, 0 or 1."""
    to_upright = fit_affine(mask.height, mask.width, side, training_margin(side))
    # Pillow's affine counts from pixel corners; ours counts from centres.
    (a, b, c), (d, e, f) = to_upright
    fitted = mask.transform(
        (side, side),
        Image.Transform.AFFINE,
        (a, b, c + 0.5 - 0.5 * (a + b), d, e, f + 0.5 - 0.5 * (d + e)),
        Image.Resampling.BILINEAR,
    )
    return (np.asarray(fitted) >= 128).astype(np.uint8)
