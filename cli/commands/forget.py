"""`thoraq forget`."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import datetime

import click

from cli.options import KnownBatch, Moment, settings_option
from cli.output.printing import print_json, say
from cli.output.progress import BatchProgress
from db.erasure import erase, plan_erasure
from db.erasure_records import ErasureCount, ErasurePlan, Scope
from db.outputs import drop_outputs
from results.forgetting import clear_space, remove_leftovers
from results.leftovers import Leftovers
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
    on_disk = remove_leftovers(database, plan, settings, dry_run=True)
    if not as_json:
        for line in lines(plan, on_disk):
            say(line)
    if dry_run:
        if as_json:
            print_json({"dry_run": True} | as_object(plan, on_disk))
        return
    if plan.batches:
        confirm(yes=yes)
    on_disk = remove_leftovers(database, plan, settings, dry_run=False)
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
    if (count != ErasureCount() or vacuum) and (why := clear_space(settings, vacuum=vacuum)):
        say(why, err=True)
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
