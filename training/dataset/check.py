"""Looking a data set over: tables, images, points, outlines and duplicates."""

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
from training.dataset.outlines import misfits
from training.dataset.radiographs import Film

#: A stated cardiothoracic index may differ this much from that of its callipers.
INDEX_TOLERANCE = 0.01
#: Films of fewer grey levels are burnt out, or were reduced on their way.
LEAST_LEVELS = 40


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found, in the order of the kinds."""

    films: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Digests:
    film: Film
    content: str
    pixels: str | None


def check_data(data: Path) -> Report:
    """Look every data set under ``data`` over; opens each image once. Raises DataMissing."""
    listing = list_data(data)
    findings = list(listing.findings)
    digests: list[_Digests] = []
    for film in listing.films:
        content = hashlib.sha256(film.path.read_bytes()).hexdigest()
        try:
            radiograph = read(film.path, ReadLimits())
        except RadiographError as exc:
            detail = f"[{exc.code}] {exc}"
            findings.append(_finding(Kind.IMAGE_UNREADABLE, film, detail))
            digests.append(_Digests(film, content, None))
            continue
        digests.append(_Digests(film, content, radiograph.pixel_digest))
        levels = len(np.unique(radiograph.pixels))
        if levels < LEAST_LEVELS:
            findings.append(_finding(Kind.IMAGE_POOR, film, f"{levels} grey levels"))
        findings += check_film(film, *radiograph.pixels.shape)
    findings += duplicates(digests)
    findings += _without_rows(data, listing.images, [film.path for film in listing.films])
    order = list(Kind)
    findings.sort(key=lambda finding: order.index(finding.kind))
    return Report(len(listing.films), tuple(findings))


def check_film(film: Film, rows: int, columns: int) -> Iterator[Finding]:
    """Say what is wrong with the points and outlines of a film of this size."""
    if missing := _missing_points(film):
        yield _finding(Kind.POINT_MISSING, film, ", ".join(map(point_name, missing)))
    off = [
        f"{point_name(i)} at {x:g}, {y:g}"
        for i, (x, y) in enumerate(film.points.tolist())
        # The edge of the last pixel is still the image's; a missing point is not off it.
        if x < -0.5 or y < -0.5 or x > columns or y > rows
    ]
    if off:
        detail = f"{', '.join(off)} in an image of {columns} x {rows}"
        yield _finding(Kind.POINT_OUTSIDE, film, detail)
    swapped = [
        f"{point_name(right)} and {point_name(left)}"
        for right, left in PAIRS
        if film.points[right, 0] > film.points[left, 0]
    ]
    if swapped:
        yield _finding(Kind.SIDES_SWAPPED, film, ", ".join(swapped))
    if film.masks is not None:
        for misfit in misfits(film.masks, film.points, rows, columns):
            yield _finding(Kind.MASK_MISFIT, film, misfit)
    stated, measured = film.index, _index(film)
    if stated is not None and abs(measured - stated) > INDEX_TOLERANCE:
        detail = f"the table says {stated:.4f}, the callipers {measured:.4f}"
        yield _finding(Kind.INDEX_MISFIT, film, detail)


def duplicates(digests: Sequence[_Digests]) -> Iterator[Finding]:
    """Name each film that was there before, byte for byte or pixel for pixel."""
    contents: dict[str, Film] = {}
    pixels: dict[str, Film] = {}
    for each in digests:
        same_content = contents.setdefault(each.content, each.film)
        same_pixels = (
            each.film if each.pixels is None else pixels.setdefault(each.pixels, each.film)
        )
        for first, what in ((same_content, "bytes"), (same_pixels, "pixels")):
            if first is not each.film:
                across = first.split != each.film.split
                yield _finding(
                    Kind.DUPLICATE_ACROSS_SPLITS if across else Kind.DUPLICATE,
                    each.film,
                    f"the {what} of {first.name} ({first.source} {first.split}, {first.place})",
                )
                break


def point_name(index: int) -> str:
    """Name a point as people do: L1 to L15, and the callipers."""
    if index in ANATOMICAL:
        return f"L{index + 1}"
    return Landmark(index).name.lower().replace("_", " ")


def _missing_points(film: Film) -> list[int]:
    """Return the points missing from a group of which others are annotated, or all of them."""
    known = np.asarray(np.isfinite(film.points).all(axis=1))
    groups = [list(group) for group in (ANATOMICAL, CALLIPERS) if known[list(group)].any()]
    return [i for group in groups or [list(ANATOMICAL)] for i in group if not known[i]]


def _index(film: Film) -> float:
    """Cardiothoracic index of the callipers in whole pixels, last - first + 1; NaN without."""
    x = film.points[:, 0].astype(float)
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


def _finding(kind: Kind, film: Film, detail: str) -> Finding:
    return Finding(kind, film.source, film.split, film.name, film.place, detail)
