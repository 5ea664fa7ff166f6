"""`thoraq process`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.errors import BatchPaused
from cli.options import (
    Paths,
    model_option,
    new_batch_option,
    paths_argument,
    priority_option,
    settings_option,
)
from cli.output.ledger import print_ledger
from cli.output.printing import print_json, say
from cli.output.progress import BatchProgress
from cli.output.report_files import report_overwrite_option, where, write_page_of, write_report_of
from db.intake import open_batch
from db.query.status import batch_status
from db.states import Priority
from results.ledger import ledger_json
from results.report import PAGE_FILE, check_report, report_folder
from results.run_line import run_line
from scheduler.batch_run import run_batch
from scheduler.checkup.absence import no_broker
from scheduler.checkup.pauses import why_paused
from scheduler.names import batch_name
from scheduler.preparation import prepare
from scheduler.rights import as_operator
from scheduler.settings import Settings


@click.command()
@paths_argument
@new_batch_option("absolute paths")
@priority_option
@model_option
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (every accelerator, else the CPU), cpu, or cuda:N; ROCm devices are cuda:N too",
)
@click.option(
    "--report",
    type=Paths(file_okay=False),
    metavar="DIR",
    help="folder of the report [default: reports/BATCH in the state folder]",
)
@report_overwrite_option
@click.option("--page", is_flag=True, help="also write the morning report, report.html")
@click.option("--json", "as_json", is_flag=True, help="print the ledger as a JSON object")
@settings_option
def process(
    paths: tuple[Path, ...],
    *,
    batch: str | None,
    priority: Priority,
    model: str | None,
    device: str,
    report: Path | None,
    overwrite: bool,
    page: bool,
    as_json: bool,
    settings: Settings,
) -> None:
    """Measure folders and files, and write a report.

    Runs its own queue and database in the state folder; no setup is needed. Ctrl-C stops it, and
    the same command continues where it stopped; nothing is measured twice. Writes results.csv,
    failures.csv and the contact sheet sheet.png.

    \b
    Example: an archive overnight
      thoraq process /archive/2024 --state /data/thoraq
    """
    database = prepare(settings, model)
    into = open_batch(database, batch or batch_name(paths, model), priority)
    if why := why_paused(database, into):
        raise BatchPaused.because(why)
    if settings.broker_url is not None:  # the embedded broker is started below
        for line in no_broker(settings):
            say(line, err=True)
    before = batch_status(database, into.name)
    folder = report or report_folder(settings, into.name)
    if report is not None:
        if not overwrite:
            check_report(database, into.name, report, page=page)
        with as_operator(report):
            report.mkdir(parents=True, exist_ok=True)  # fail now, not after hours of work
    with BatchProgress(lambda: no_broker(settings)) as progress:
        done = run_batch(
            database, paths, into, settings, progress=progress, device=device, model=model
        )
    status = done.status
    written = write_report_of(database, into.name, settings, folder)
    if page:
        write_page_of(database, into.name, settings, folder / PAGE_FILE)
    if as_json:
        print_json(ledger_json(status, settings.ict_thresholds))
        return
    print_ledger(status, settings.ict_thresholds)
    say()
    say(run_line(before, status, done.taken.reopened))
    for line in where(settings, written):
        say(line)
    if page:
        say(f"page      {folder / PAGE_FILE}")
