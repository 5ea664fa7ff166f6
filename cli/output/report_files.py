"""Writing the report of a batch, and the paths of its files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cli.output.printing import say
from db.database import Database
from results.morning.page import write_page
from results.report import Report, write_report
from scheduler.settings import Settings
from worker.pictures import Pictures

report_overwrite_option = click.option(
    "--overwrite",
    is_flag=True,
    help="replace files of --report even if they are not an older report of the batch",
)


def write_report_of(database: Database, batch: str, settings: Settings, folder: Path) -> Report:
    """Write the report of a batch over an older one; print audit failures on standard error.

    Raises BatchUnknown, ReadUnaudited, PlaceUnusable.
    """
    with Pictures(settings) as pictures:
        return write_report(
            database, batch, settings, folder, pictures, tell=partial(say, err=True)
        )


def write_page_of(database: Database, batch: str, settings: Settings, path: Path) -> None:
    """Write the morning report of a batch; print audit failures on standard error.

    Raises BatchUnknown, ReadUnaudited, PlaceUnusable.
    """
    with Pictures(settings) as pictures:
        write_page(database, batch, settings, path, pictures, tell=partial(say, err=True))


def where(settings: Settings, written: Report) -> list[str]:
    """Return the paths of the database and the report, one line each."""
    embedded = settings.database_url is None
    lines = [
        f"database  {settings.state / 'thoraq.db' if embedded else 'THORAQ_DATABASE_URL'}",
        f"results   {written.results}",
        f"failures  {written.failures}",
    ]
    if written.sheet is not None:
        lines.append(f"pictures  {written.sheet}")
    return lines
