"""Pictures of results; the files are read again, and no picture is stored.

A picture is drawn only if the file's content is unchanged since it was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Protocol

from PIL import Image

from db.database import Database
from db.query.results import count_results, find_results
from db.records import Result, ResultFilter
from radiograph.errors import ThoraqError
from radiograph.image import Radiograph
from radiograph.overlay import draw_on
from radiograph.records import Bucket
from radiograph.sheet import contact_sheet, label_tile, placeholder
from results.picture_file import picture_file
from scheduler.shown_paths import ShownPaths
from scheduler.terminal import printable

#: Side of one picture on a sheet, in pixels.
SHEET_SIDE_PX = 480
SHEET_COLUMNS = 4
#: Characters per line of the reason why a picture is missing.
REASON_LETTERS = 38


class PictureSource(Protocol):
    """Reads measured files again, as `worker.pictures.Pictures` does in its own process."""

    def read(self, path: str, digest: str, side_px: int) -> Radiograph:
        """Read a file if it still has this content; pixels uint8, the longer side ``side_px``.

        Raises ThoraqError.
        """
        ...


def overlay(
    result: Result, pictures: PictureSource, side_px: int, title: str | None = None
) -> Image.Image:
    """Read the measured file again and draw on it. Raises ThoraqError."""
    radiograph = pictures.read(result.path, result.content_digest or result.sha256, side_px)
    return draw_on(radiograph, result.measurement, side_px, title)


def picture_title(result: Result, paths: ShownPaths) -> str:
    """Return a title that identifies a result: its radiograph id and the file name."""
    return ": ".join(reference(result, paths))


def reference(result: Result, paths: ShownPaths) -> tuple[str, str]:
    """Return the radiograph id, for `thoraq show`, and the file name, both printable.

    Folders are omitted, since they may be named after patients.
    """
    return f"radiograph {result.radiograph_id}", printable(paths.name(result.path))


class Tiles:
    """Draws the tiles of a sheet, each with its radiograph id and file name, and counts pictures.

    The tile of a file that can no longer be read shows the code and the remedy.
    """

    def __init__(self, pictures: PictureSource, paths: ShownPaths) -> None:
        self._pictures = pictures
        self._paths = paths
        self.drawn = 0

    def tile(self, result: Result) -> Image.Image:
        """Return one tile."""
        try:
            tile = overlay(result, self._pictures, SHEET_SIDE_PX)
            self.drawn += 1
        except ThoraqError as exc:
            why = wrap(exc.remedy(), REASON_LETTERS)
            tile = placeholder((exc.code, "", *why), SHEET_SIDE_PX)
        return label_tile(tile, *reference(result, self._paths), SHEET_SIDE_PX)


def save_sheet(
    database: Database,
    batch: str,
    out: Path,
    *,
    pictures: PictureSource,
    paths: ShownPaths,
    most: int,
) -> bool:
    """Write a sheet of at most ``most`` pictures from the batch's buckets, best bucket first.

    Return False, without a file, if nothing was measured. Raises BatchUnknown, PlaceUnusable.
    """
    drawing = Tiles(pictures, paths)
    tiles = [drawing.tile(result) for result in over_buckets(database, batch, most)]
    if not tiles:
        return False
    measured = count_results(database, ResultFilter(batch=batch))
    title = f"{printable(batch)}: {drawing.drawn} of {measured} measured radiographs"
    write_sheet(tiles, title, out)
    return True


def write_sheet(tiles: Sequence[Image.Image], title: str, out: Path) -> None:
    """Write tiles to a PNG file. Raises PlaceUnusable, OSError."""
    with picture_file(out) as file:
        contact_sheet(tiles, SHEET_COLUMNS, title=title).save(file, "PNG")


def over_buckets(database: Database, batch: str, most: int) -> Iterator[Result]:
    """Yield the first results of each bucket, about the same number from each."""
    waiting = [
        list(find_results(database, ResultFilter(batch=batch, bucket=bucket, limit=most)))
        for bucket in Bucket
    ]
    taken = [0] * len(waiting)
    while sum(taken) < min(most, sum(map(len, waiting))):
        for number, found in enumerate(waiting):
            if sum(taken) < most and taken[number] < len(found):
                taken[number] += 1
    for found, count in zip(waiting, taken, strict=True):
        yield from found[:count]
