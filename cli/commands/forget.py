"""`thoraq forget`."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import click

from cli.options import KnownBatch, Moment, settings_option
from cli.output.printing import print_json, say
from cli.output.progress import BatchProgress
from db.database import Database
from db.erasure import erase, plan_erasure
from db.erasure_records import ErasureCount, ErasurePlan, Scope
from db.errors import DatabaseError
from db.outputs import drop_outputs
from db.query.status import all_statuses
from db.space import is_small, rewrite
from results.leftovers import Leftovers, remove_outputs, remove_reports, strike_reasons
from results.report import REPORT_FILES, former_report_folder, report_folder
from scheduler.archive import open_database
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings

#: What no command reaches.
BEYOND = (
    "Not reached: exports, database backups, logs, data sets, and networks trained on them."
    " The radiographs themselves were not touched."
)


@click.command()
@click.option(
    "--batch", type=KnownBatch(), help="name of a batch, as `status` names it, or its beginning"
)
@click.option("--patient", help="PatientID; - reads it from the terminal or standard input")
@click.option("--before", type=Moment(), help="what ended before this ISO date or time")
@click.option("--dry-run", is_flag=True, help="change nothing; say what would go")
@click.option("--yes", is_flag=True, help="do not ask")
@click.option(
    "--vacuum",
    is_flag=True,
    help="rewrite SQLite's file above 512 MB too, so that nothing remains in its free space;"
    " nobody else writes meanwhile",
)
@click.option("--json", "as_json", is_flag=True, help="print what went as a JSON object")
@settings_option
def forget(
    *,
    batch: str | None,
    patient: str | None,
    before: datetime | None,
    dry_run: bool,
    yes: bool,
    vacuum: bool,
    as_json: bool,
    settings: Settings,
) -> None:
    """Remove what is known of a batch or a patient, or what ended before a time.

    Measurements, headers, paths and failures go from the database, and reports and pictures that
    thoraq wrote from this host's disk; never a radiograph. What another batch holds too stays with
    that one. A patient is found by the number in the headers that were read, in all batches.
    --before compares the time at which all work on a radiograph had ended. Batches that are empty
    then go too. Interrupted, the same command goes on; what is submitted again is measured anew.

    \b
    Example: look first, then forget a patient whose number is not echoed
      thoraq forget --patient - --dry-run
      thoraq forget --patient -
    """
    scope = scope_of(settings, batch, patient, before)
    database = open_database(settings)
    plan = plan_erasure(database, scope)
    on_disk = remove(database, plan, settings, dry_run=True)
    if not as_json:
        for line in lines(plan, on_disk):
            say(line)
    if dry_run:
        if as_json:
            print_json({"dry_run": True} | as_object(plan, on_disk))
        return
    if plan.batches:
        confirm(yes=yes)
    on_disk = remove(database, plan, settings, dry_run=False)
    drop_outputs(database, on_disk.ids)
    count = ErasureCount()
    with BatchProgress() as progress:
        for some in erase(database, scope):
            count += some
            progress.show("forgetting", f"{count.files} files, {count.measurements} measurements")
    if as_json:
        print_json({"dry_run": False} | as_object(replace(plan, count=count), on_disk))
    else:
        say(f"Forgotten: {counts(count)}.")
    if count != ErasureCount() or vacuum:
        clean(settings, vacuum=vacuum)
    say(BEYOND, err=as_json)


def scope_of(
    settings: Settings, batch: str | None, patient: str | None, before: datetime | None
) -> Scope:
    """Return what is to be forgotten; exactly one is named."""
    if sum(each is not None for each in (batch, patient, before)) != 1:
        raise click.UsageError("name one of --batch, --patient and --before")
    if patient is None:
        return Scope(batch=batch, before=before)
    number = typed() if patient == "-" else patient
    if not number.strip():
        raise click.UsageError("the patient's number is empty")
    return Scope(patients=Pseudonyms.forms(settings, number))


def typed() -> str:
    """Read a number without showing it."""
    if sys.stdin.isatty():
        said: str = click.prompt("PatientID", hide_input=True, err=True)
        return said
    return sys.stdin.readline().rstrip("\r\n")


def confirm(*, yes: bool) -> None:
    """Ask on the terminal, unless told not to."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to ask: --yes forgets without asking")
    click.confirm("Forget this? It does not come back.", abort=True, err=True)


def remove(
    database: Database, plan: ErasurePlan, settings: Settings, *, dry_run: bool
) -> Leftovers:
    """Remove what is on disk; a report about more than what goes can be written again."""
    folders, of_others = report_folders(database, plan, settings)
    parts = (
        remove_outputs(plan.outputs, settings.state / "reports", dry_run=dry_run),
        remove_reports(folders, REPORT_FILES, dry_run=dry_run),
        Leftovers(left=[f"{each}: another batch's report too" for each in of_others]),
        strike_reasons(plan.failed, dry_run=dry_run),
    )
    removed = dict.fromkeys(path for each in parts for path in each.removed)
    return Leftovers(
        removed=list(removed),
        left=list(dict.fromkeys(line for each in parts for line in each.left)),
        ids=[number for each in parts for number in each.ids],
    )


def report_folders(
    database: Database, plan: ErasurePlan, settings: Settings
) -> tuple[list[Path], list[Path]]:
    """Return where reports of the batches are, and former places that are other batches' too.

    The names of folders differ from those of earlier versions, of which no output is noted.
    """
    own = [report_folder(settings, name) for name in plan.batches]
    places = (former_report_folder(settings, name) for name in plan.batches)
    former = [each for each in places if each not in own and each.is_dir()]
    if not former:
        return own, []
    others = [
        place(settings, each.batch.name)
        for each in all_statuses(database)
        if each.batch.name not in plan.batches
        for place in (report_folder, former_report_folder)
    ]
    # A file system may take names that differ in case for the same.
    shared = [
        each for each in former if any(other.is_dir() and each.samefile(other) for other in others)
    ]
    return own + [each for each in former if each not in shared], shared


def clean(settings: Settings, *, vacuum: bool) -> None:
    """Have nothing remain in the free space of the database, or say why something may."""
    if not vacuum and not is_small(settings.database):
        say(
            "remains may be in the free space of the database's file: the same command with"
            " --vacuum rewrites it",
            err=True,
        )
        return
    try:
        if rewrite(settings.database):
            return
        said = "another process reads the former state"
    except DatabaseError as exc:
        said = f"[{exc.code}] {exc}"
    say(
        f"remains may be in the database's files: {said}; run the same command with --vacuum later",
        err=True,
    )


def lines(plan: ErasurePlan, on_disk: Leftovers) -> list[str]:
    """Return what goes, a line each."""
    known = plan.count != ErasureCount() or plan.batches
    said = [counts(plan.count) if known else "Nothing matches; nothing was removed."]
    for name, files in plan.batches.items():
        whole = ", all of it" if name in plan.emptied else ""
        said.append(f"batch    {name}: {files} files{whole}")
    said += [f"on disk  {each}" for each in on_disk.removed]
    said += [f"stays    {each}" for each in on_disk.left]
    return said


def counts(count: ErasureCount) -> str:
    """Return the counts in words."""
    said = (
        f"{count.files} files, {count.radiographs} radiographs, {count.measurements} measurements,"
        f" {count.failures} failures, {count.batches} batches"
    )
    return f"{said}; {count.handed_over} left to other batches" if count.handed_over else said


def as_object(plan: ErasurePlan, on_disk: Leftovers) -> dict[str, object]:
    """Return what goes, with stable keys."""
    return asdict(plan.count) | {
        "of_batches": dict(plan.batches),
        "on_disk": on_disk.removed,
        "stays": on_disk.left,
    }
