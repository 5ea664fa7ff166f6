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
        say(f"Forgotten: {counts(count)}.")
    if (count != ErasureCount() or vacuum) and (why := clear_space(settings, vacuum=vacuum)):
        say(why, err=True)
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
