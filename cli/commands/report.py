"""`thoraq report`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import KnownBatch, Paths, settings_option
from cli.out_option import out_option
from cli.output.printing import say
from cli.output.report_files import where, write_page_of, write_report_of
from db.database import Database
from db.query.status import batch_status
from results.report import check_report, report_folder
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.argument("batch", type=KnownBatch())
@click.option(
    "--report",
    "folder",
    type=Paths(file_okay=False),
    metavar="DIR",
    help="folder of the report [default: reports/BATCH in the state folder]",
)
@out_option(
    Paths(dir_okay=False),
    "write only the morning report, an HTML page, to this file",
    more=True,
    replaces="replace the file of --out if it exists, or files of --report even if they are not an"
    " older report of the batch",
)
@settings_option
def report(
    batch: str, *, folder: Path | None, out: Path | None, overwrite: bool, settings: Settings
) -> None:
    """Write a batch's results, failures and pictures, as `process` does.

    Takes any BATCH, including those of `submit`, `watch` and `remeasure`. Writes results.csv,
    failures.csv and sheet.png, replacing an earlier report of the batch, and prints their paths.
    Files that have not ended are listed in failures.csv with their state. With --out it writes the
    morning report instead: one page with what can be trusted, what needs a person and what failed.

    \b
    Example: the results of a watched folder so far
      thoraq report inbox-3f2a91bc --report /srv/reports/inbox

    \b
    Example: the morning report of last night
      thoraq report inbox-3f2a91bc --out /srv/reports/morning.html
    """
    database = open_database(settings)
    found = batch_status(database, batch)
    if out is not None:
        write_page_of(database, batch, settings, out)
        say(f"page      {out}")
    if out is None or folder is not None:
        _write_folder(database, batch, settings, folder, overwrite=overwrite)
    if found.open:
        say(f"{found.open} files of the batch are still waiting or running", err=True)


def _write_folder(
    database: Database, batch: str, settings: Settings, folder: Path | None, *, overwrite: bool
) -> None:
    into = folder or report_folder(settings, batch)
    if folder is not None and not overwrite:
        check_report(database, batch, folder)
    for line in where(settings, write_report_of(database, batch, settings, into)):
        say(line)
