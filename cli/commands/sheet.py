"""`thoraq sheet`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from PIL import Image

from cli.errors import NotMeasured
from cli.listing_options import sort_option
from cli.options import Count, filter_options, settings_option
from cli.out_option import PictureFile, out_option
from cli.output.noted import audited, noted_outputs
from cli.output.printing import say
from cli.output.progress import BatchProgress
from db.query.order import SORTABLE, Order
from db.query.results import count_results, find_results
from db.records import ResultFilter
from results.audited_reads import filter_names
from results.picture_file import check_out
from results.sheet import SHEET_COLUMNS, Tiles, write_sheet
from results.sheet_pages import older_pages, page_files, pages_of, title_of
from scheduler.archive import open_database
from scheduler.settings import Settings
from worker.pictures import Pictures

#: Pictures per page without --per-page: five rows.
PAGE_PICTURES = 5 * SHEET_COLUMNS
#: A page of this many takes 120 MB to draw.
MOST_ON_PAGE = 100
#: Results that are drawn without --limit, and its maximum.
PICTURES = 100
MOST_PICTURES = 5_000


@click.command()
@out_option(
    PictureFile(".png"),
    "file to write; several pages become sheet-1.png, sheet-2.png and so on",
    more=True,
)
@click.option(
    "--per-page",
    type=Count(min=1, max=MOST_ON_PAGE),
    default=PAGE_PICTURES,
    show_default=True,
    help="pictures per page",
)
@settings_option
@filter_options
@sort_option(tuple(SORTABLE))
def sheet(
    out: Path | None,
    *,
    overwrite: bool,
    per_page: int,
    settings: Settings,
    wanted: ResultFilter,
    sorted_by: Order | None,
) -> None:
    """Draw results as contact sheets.

    Each picture is labelled with its radiograph id for `thoraq show`. Draws the first 100 results
    unless --limit is given, at most 5000. If a file is unavailable or has changed since it was
    measured, its tile shows the reason.

    \b
    Example: results for review, highest index first
      thoraq sheet --bucket review --sort ict:desc --out review.png
    """
    if out is None:
        raise click.UsageError("--out is missing; for example --out sheet.png")
    if (wanted.limit or 0) > MOST_PICTURES:
        raise click.UsageError(f"--limit is at most {MOST_PICTURES} here; narrow the filters")
    database = open_database(settings)
    asked = replace(wanted, limit=wanted.limit or PICTURES)
    names = filter_names(wanted)
    with audited(
        database, settings, "sheet", batch=wanted.batch, filters=names, pictures=True
    ) as reading:
        found = list(find_results(database, asked, sorted_by))
        if not found:
            raise NotMeasured("no results; `thoraq status` shows what was measured")
        pages = pages_of(found, per_page)
        files = page_files(out, len(pages))
        for file in files:
            check_out(file, overwrite=overwrite)
        first = 1
        lines: list[str] = []
        with Pictures(settings) as pictures, BatchProgress() as progress:
            for page, file in zip(pages, files, strict=True):
                drawing = Tiles(pictures, reading.paths)
                tiles: list[Image.Image] = []
                for result in page:
                    progress.show("drawing", f"{first + len(tiles)} of {len(found)} pictures")
                    tiles.append(drawing.tile(result))
                    reading.rows += 1
                title = title_of(wanted, sorted_by, first, len(page), len(found))
                ids = [result.radiograph_id for result in page]
                with noted_outputs(
                    database, [file], of_batch=wanted.batch, of_radiographs=ids
                ) as written:
                    write_sheet(tiles, title, file)
                    written.append(file)
                first += len(page)
                absent = len(page) - drawing.drawn
                lines.append(
                    f"{len(page)} results in {file}" + f", {absent} not drawn" * bool(absent)
                )
    for line in lines:
        say(line)
    for older in older_pages(out, len(pages)):
        say(f"{older} belongs to an older sheet", err=True)
    if wanted.limit is None and (every := count_results(database, wanted)) > len(found):
        say(f"the first {len(found)} of {every}; use --limit N for more", err=True)
