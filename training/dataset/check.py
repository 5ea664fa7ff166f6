"""Checks of a data set: tables, images, points, outlines and duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiograph.errors import RadiographError
from radiograph.landmarks import ANATOMICAL, CALLIPERS, PAIRS, Landmark
from radiograph.reading import ReadLimits, read
from training.dataset.findings import Finding, Kind
from training.dataset.layouts import list_data
from training.dataset.outlines import mask_misfits
from training.dataset.radiographs import AnnotatedRadiograph

#: Tolerance of a stated cardiothoracic index.
INDEX_TOLERANCE = 0.01
#: Radiographs with fewer grey levels are saturated, or were reduced.
LEAST_LEVELS = 40


@dataclass(frozen=True, slots=True)
class Report:
    """Number of radiographs checked, and the findings in the order of their kinds."""

    radiographs: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Digests:
    radiograph: AnnotatedRadiograph
    content: str
    pixels: str | None


def check_data(data: Path) -> Report:
    """Check every data set under ``data``, opening each image once. Raises DataMissing."""
    listing = list_data(data)
    findings = list(listing.findings)
    digests: list[_Digests] = []
    for radiograph in listing.radiographs:
        content = hashlib.sha256(radiograph.path.read_bytes()).hexdigest()
        try:
            image = read(radiograph.path, ReadLimits())
        except RadiographError as exc:
            detail = f"[{exc.code}] {exc}"
            findings.append(radiograph.finding(Kind.IMAGE_UNREADABLE, detail))
            digests.append(_Digests(radiograph, content, None))
            continue
        digests.append(_Digests(radiograph, content, image.pixel_digest))
        levels = len(np.unique(image.pixels))
        if levels < LEAST_LEVELS:
            findings.append(radiograph.finding(Kind.IMAGE_POOR, f"{levels} grey levels"))
        findings += check_radiograph(radiograph, *image.pixels.shape)
    findings += duplicates(digests)
    findings += _without_rows(
        data, listing.images, [radiograph.path for radiograph in listing.radiographs]
    )
    order = list(Kind)
    findings.sort(key=lambda finding: order.index(finding.kind))
    return Report(len(listing.radiographs), tuple(findings))


def check_radiograph(radiograph: AnnotatedRadiograph, rows: int, columns: int) -> Iterator[Finding]:
    """Yield findings about the points and outlines of a radiograph of this size."""
    if missing := _missing_points(radiograph):
        yield radiograph.finding(Kind.POINT_MISSING, ", ".join(map(point_name, missing)))
    off = [
        f"{point_name(i)} at {x:g}, {y:g}"
        for i, (x, y) in enumerate(radiograph.points.tolist())
        # The edge of the last pixel is inside the image; missing points (NaN) compare false.
        if x < -0.5 or y < -0.5 or x > columns or y > rows
    ]
    if off:
        detail = f"{', '.join(off)} in an image of {columns} x {rows}"
        yield radiograph.finding(Kind.POINT_OUTSIDE, detail)
    swapped = [
        f"{point_name(right)} and {point_name(left)}"
        for right, left in PAIRS
        if radiograph.points[right, 0] > radiograph.points[left, 0]
    ]
    if swapped:
        yield radiograph.finding(Kind.SIDES_SWAPPED, ", ".join(swapped))
    if radiograph.masks is not None:
        for misfit in mask_misfits(radiograph.masks, radiograph.points, rows, columns):
            yield radiograph.finding(Kind.MASK_MISFIT, misfit)
    stated, measured = radiograph.index, _index(radiograph)
    if stated is not None and abs(measured - stated) > INDEX_TOLERANCE:
        detail = f"the table says {stated:.4f}, the callipers {measured:.4f}"
        yield radiograph.finding(Kind.INDEX_MISFIT, detail)


def duplicates(digests: Sequence[_Digests]) -> Iterator[Finding]:
    """Yield each radiograph with the bytes or the pixels of an earlier one."""
    contents: dict[str, AnnotatedRadiograph] = {}
    pixels: dict[str, AnnotatedRadiograph] = {}
    for each in digests:
        same_content = contents.setdefault(each.content, each.radiograph)
        same_pixels = (
            each.radiograph
            if each.pixels is None
            else pixels.setdefault(each.pixels, each.radiograph)
        )
        for first, what in ((same_content, "bytes"), (same_pixels, "pixels")):
            if first is not each.radiograph:
                across = first.split != each.radiograph.split
                yield each.radiograph.finding(
                    Kind.DUPLICATE_ACROSS_SPLITS if across else Kind.DUPLICATE,
                    f"the {what} of {first.name} ({first.source} {first.split}, {first.place})",
                )
                break


def point_name(index: int) -> str:
    """Return the name of a point: L1 to L15, or that of the calliper."""
    if index in ANATOMICAL:
        return f"L{index + 1}"
    return Landmark(index).name.lower().replace("_", " ")


def _missing_points(radiograph: AnnotatedRadiograph) -> list[int]:
    """Return the missing points of partly annotated groups; all points if none is annotated."""
    known = np.asarray(np.isfinite(radiograph.points).all(axis=1))
    groups = [list(group) for group in (ANATOMICAL, CALLIPERS) if known[list(group)].any()]
    return [i for group in groups or [list(ANATOMICAL)] for i in group if not known[i]]


def _index(radiograph: AnnotatedRadiograph) -> float:
    """Return the index of the callipers in whole pixels, last - first + 1; NaN without them."""
    x = radiograph.points[:, 0].astype(float)
    heart = x[Landmark.HEART_LEFT] - x[Landmark.HEART_RIGHT] + 1
    thorax = x[Landmark.THORAX_LEFT] - x[Landmark.THORAX_RIGHT] + 1
    return float(heart / thorax) if thorax > 0 else float("nan")


def _without_rows(
    data: Path, images: Sequence[Path], annotated: Sequence[Path]
) -> Iterator[Finding]:
    known = set(annotated)
    for image in images:
        if image not in known:
            place = image.relative_to(data)
            yield Finding(
                Kind.IMAGE_WITHOUT_ROW, place.parts[0], None, image.name, place.as_posix(), ""
            )
