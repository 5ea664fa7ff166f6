"""Pictures of what was measured; the files are read again, no picture is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from cli.printing import printable
from db.database import Database
from db.records import Result, ResultFilter
from db.results import count_results, find_results
from radiograph.errors import RadiographError
from radiograph.overlay import draw
from radiograph.reading import ReadLimits, read
from radiograph.records import Bucket
from radiograph.sheet import contact_sheet
from scheduler.settings import Settings

#: Side of one picture on a sheet, in pixels.
SHEET_SIDE_PX = 480
SHEET_COLUMNS = 4


def overlay(result: Result, settings: Settings, side_px: int) -> Image.Image:
    """Read the measured file again and draw on it. Raises RadiographError."""
    limits = ReadLimits(
        max_file_bytes=settings.max_file_mb << 20,
        max_pixels=settings.max_megapixels * 1_000_000,
        min_side_px=settings.min_side_px,
    )
    return draw(read(Path(result.path), limits), result.measurement, side_px=side_px)


def save_sheet(
    database: Database, batch: str, settings: Settings, out: Path, most: int
) -> Path | None:
    """Write a sheet of at most ``most`` pictures over the batch's buckets, the best first.

    None where nothing was measured, or every file has gone. Raises BatchUnknown.
    """
    pictures = []
    for result in over_buckets(database, batch, most):
        try:
            pictures.append(overlay(result, settings, SHEET_SIDE_PX))
        except RadiographError:  # moved since it was measured: the others still tell
            continue
    if not pictures:
        return None
    out.parent.mkdir(parents=True, exist_ok=True)
    measured = count_results(database, ResultFilter(batch=batch))
    title = f"{printable(batch)}: {len(pictures)} of {measured} measured radiographs"
    contact_sheet(pictures, SHEET_COLUMNS, title=title).save(out)
    return out


def over_buckets(database: Database, batch: str, most: int) -> Iterator[Result]:
    """Return the first results of each bucket, as many from each as there is room for."""
    waiting = [
        list(find_results(database, ResultFilter(batch=batch, bucket=bucket, limit=most)))
        for bucket in Bucket
    ]
    taken = [0] * len(waiting)
    while sum(taken) < min(most, sum(map(len, waiting))):
        for place, found in enumerate(waiting):
            if sum(taken) < most and taken[place] < len(found):
                taken[place] += 1
    for found, count in zip(waiting, taken, strict=True):
        yield from found[:count]
