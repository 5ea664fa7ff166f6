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

#: What remains after every `forget`.
BEYOND = (
    "Not deleted: exports, database backups, logs, data sets, and networks trained on them."
    " The radiographs themselves were not touched."
)


@click.command()
@click.option("--batch", type=KnownBatch(), help="name of a batch from `status`, or its beginning")
@click.option("--patient", help="PatientID; - reads it from the terminal or standard input")
@click.option("--before", type=Moment(), help="radiographs that ended before this ISO date or time")
@click.option("--dry-run", is_flag=True, help="change nothing; show what would be deleted")
@click.option("--yes", is_flag=True, help="do not ask for confirmation")
@click.option(
    "--vacuum",
    is_flag=True,
    help="rewrite the SQLite file even above 512 MB, so that nothing remains in its free space;"
    " the database is locked meanwhile",
)
@click.option("--json", "as_json", is_flag=True, help="print what was deleted as a JSON object")
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
    """Delete the stored data of a batch or a patient, or of radiographs that ended before a time.

    Deletes measurements, headers, paths and failures from the database, and thoraq's own reports
    and pictures from this host's disk; never a radiograph. Files that are also in another batch
    stay there. A patient is found by the PatientID of the headers, in all batches. --before
    compares the time at which all work on a radiograph had ended. Emptied batches are deleted
    too. If interrupted, run the same command again. Files submitted again are measured anew.

    \b
    Example: a dry run, then the deletion, with a PatientID that is not echoed
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
        say(f"Deleted: {counts(count)}.")
    if count != ErasureCount() or vacuum:
        clean(settings, vacuum=vacuum)
    say(BEYOND, err=as_json)


def scope_of(
    settings: Settings, batch: str | None, patient: str | None, before: datetime | None
) -> Scope:
    """Return the scope of the deletion; exactly one of the options must be given."""
    if sum(each is not None for each in (batch, patient, before)) != 1:
        raise click.UsageError("give exactly one of --batch, --patient and --before")
    if patient is None:
        return Scope(batch=batch, before=before)
    number = read_number() if patient == "-" else patient
    if not number.strip():
        raise click.UsageError("the PatientID is empty")
    return Scope(patients=Pseudonyms.forms(settings, number))


def read_number() -> str:
    """Read a PatientID without echoing it."""
    if sys.stdin.isatty():
        number: str = click.prompt("PatientID", hide_input=True, err=True)
        return number
    return sys.stdin.readline().rstrip("\r\n")


def confirm(*, yes: bool) -> None:
    """Ask for confirmation on the terminal, unless ``yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("cannot ask without a terminal: --yes skips the confirmation")
    click.confirm("Delete this permanently?", abort=True, err=True)


def remove(
    database: Database, plan: ErasurePlan, settings: Settings, *, dry_run: bool
) -> Leftovers:
    """Remove the files on disk; reports that also cover other data can be written again."""
    folders, of_others = report_folders(database, plan, settings)
    parts = (
        remove_outputs(plan.outputs, settings.state / "reports", dry_run=dry_run),
        remove_reports(folders, REPORT_FILES, dry_run=dry_run),
        Leftovers(left=[f"{each}: also the report of another batch" for each in of_others]),
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
    """Return the report folders of the batches, and former ones shared with other batches.

    Earlier versions named the folders differently and did not record their outputs.
    """
    own = [report_folder(settings, name) for name in plan.batches]
    candidates = (former_report_folder(settings, name) for name in plan.batches)
    former = [each for each in candidates if each not in own and each.is_dir()]
    if not former:
        return own, []
    others = [
        folder_of(settings, each.batch.name)
        for each in all_statuses(database)
        if each.batch.name not in plan.batches
        for folder_of in (report_folder, former_report_folder)
    ]
    # On a case-insensitive file system several names may be the same folder.
    shared = [
        each for each in former if any(other.is_dir() and each.samefile(other) for other in others)
    ]
    return own + [each for each in former if each not in shared], shared


def clean(settings: Settings, *, vacuum: bool) -> None:
    """Overwrite the free space of the database, or print why it was not overwritten."""
    if not vacuum and not is_small(settings.database):
        say(
            "deleted data may remain in the free space of the database file; run the same command"
            " with --vacuum to rewrite it",
            err=True,
        )
        return
    try:
        if rewrite(settings.database):
            return
        reason = "another process is still reading the previous state"
    except DatabaseError as exc:
        reason = f"[{exc.code}] {exc}"
    say(
        f"deleted data may remain in the database's files: {reason}; run the same command with"
        " --vacuum later",
        err=True,
    )


def lines(plan: ErasurePlan, on_disk: Leftovers) -> list[str]:
    """Return what is deleted, one line per item."""
    known = plan.count != ErasureCount() or plan.batches
    text = [counts(plan.count) if known else "Nothing matches; nothing was deleted."]
    for name, files in plan.batches.items():
        whole = ", the whole batch" if name in plan.emptied else ""
        text.append(f"batch    {name}: {files} files{whole}")
    text += [f"on disk  {each}" for each in on_disk.removed]
    text += [f"stays    {each}" for each in on_disk.left]
    return text


def counts(count: ErasureCount) -> str:
    """Return the counts in words."""
    text = (
        f"{count.files} files, {count.radiographs} radiographs, {count.measurements} measurements,"
        f" {count.failures} failures, {count.batches} batches"
    )
    return f"{text}; {count.handed_over} left to other batches" if count.handed_over else text


def as_object(plan: ErasurePlan, on_disk: Leftovers) -> dict[str, object]:
    """Return what is deleted, with stable keys."""
    return asdict(plan.count) | {
        "of_batches": dict(plan.batches),
        "on_disk": on_disk.removed,
        "stays": on_disk.left,
    }
