"""The radiographs listed in a data set, before any is opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from radiograph.landmarks import Landmark
from training.dataset.findings import Finding, Kind
from training.errors import LeadsOutside

#: For fitting, for selection and calibration, for published metrics, and for evaluation only.
SPLITS = ("train", "val", "test", "external")
#: Suffixes of image files.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm"})


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedRadiograph:
    """One annotated radiograph.

    ``points`` (19, 2) float32 ``(x, y)`` in pixels of the image, NaN if absent; ``masks`` the
    files of heart, left and right lung, None if absent; ``index`` the
    cardiothoracic index its table states; ``place`` its table and line, such as ``a.csv:7``.
    """

    path: Path
    name: str
    source: str
    category: str
    split: str
    points: npt.NDArray[np.float32]
    place: str
    masks: tuple[Path, ...] | None = None
    index: float | None = None

    def finding(self, kind: Kind, detail: str) -> Finding:
        """Return a finding about this radiograph."""
        return Finding(kind, self.source, self.split, self.name, self.place, detail)


@dataclass(frozen=True, slots=True)
class Listing:
    """The usable radiographs of a folder, the findings, and every image in it."""

    radiographs: tuple[AnnotatedRadiograph, ...] = ()
    findings: tuple[Finding, ...] = ()
    images: tuple[Path, ...] = ()

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the combined listing of several data sets."""
        return cls(
            radiographs=tuple(radiograph for part in parts for radiograph in part.radiographs),
            findings=tuple(finding for part in parts for finding in part.findings),
            images=tuple(image for part in parts for image in part.images),
        )


def path_inside(data: Path, folder: Path, name: str = "") -> Path:
    """Return ``folder / name``; neither the name nor a link on the way leads out of ``data``.

    Raises LeadsOutside.
    """
    named = Path(name)
    if named.is_absolute() or ".." in named.parts or "\0" in name:
        raise LeadsOutside("the name leads out of its folder")
    path = folder / named
    try:
        within = path.resolve().is_relative_to(data.resolve())
    except (OSError, RuntimeError) as exc:  # a loop of links
        raise LeadsOutside("its links lead nowhere") from exc
    if not within:
        raise LeadsOutside("a link leads out of the folder of the data sets")
    return path


def is_inside(data: Path, path: Path) -> bool:
    """Return whether ``path``, which is below ``data``, is inside it after resolving links."""
    try:
        path_inside(data, path)
    except LeadsOutside:
        return False
    return True


def absent_points() -> npt.NDArray[np.float32]:
    """Return (19, 2) points without annotation, all NaN."""
    return np.full((len(Landmark), 2), np.nan, np.float32)


def images_under(data: Path, folder: Path) -> Iterator[Path]:
    """Yield the image files directly in a folder, in alphabetical order.

    One may be a link that leads out of ``data``: list it, but do not open it.
    """
    if is_inside(data, folder) and folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
                yield path


def line_name(table: Path, line: int) -> str:
    """Return the name of a line of a table."""
    return f"{table.name}:{line}"


def first_of_each(
    radiographs: Iterable[AnnotatedRadiograph],
) -> tuple[list[AnnotatedRadiograph], list[tuple[AnnotatedRadiograph, AnnotatedRadiograph]]]:
    """Return the first row of each image, and the later ones, each with the first."""
    seen: dict[Path, AnnotatedRadiograph] = {}
    again: list[tuple[AnnotatedRadiograph, AnnotatedRadiograph]] = []
    for radiograph in radiographs:
        if radiograph.path in seen:
            again.append((radiograph, seen[radiograph.path]))
        else:
            seen[radiograph.path] = radiograph
    return list(seen.values()), again
