"""`thoraq report`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import KnownBatch, Paths, settings_option
from cli.output.printing import say
from cli.output.report_files import report_overwrite_option, where, write_report_of
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
@report_overwrite_option
@settings_option
def report(batch: str, *, folder: Path | None, overwrite: bool, settings: Settings) -> None:
    """Write a batch's results, failures and pictures, as `process` does.

    Takes any BATCH, including those of `submit`, `watch` and `remeasure`. Writes results.csv,
    failures.csv and sheet.png, replacing an earlier report of the batch, and prints their paths.
    Files that have not ended are listed in failures.csv with their state.

    \b
    Example: the results of a watched folder so far
      thoraq report inbox-3f2a91bc --report /srv/reports/inbox
    """
    database = open_database(settings)
    found = batch_status(database, batch)
    into = folder or report_folder(settings, batch)
    if folder is not None and not overwrite:
        check_report(database, batch, folder)
    for line in where(settings, write_report_of(database, batch, settings, into)):
        say(line)
    if found.open:
        say(f"{found.open} files of the batch are still waiting or running", err=True)
