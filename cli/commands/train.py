"""`thoraq train`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cli.exits import Exit
from cli.listing_options import count_option, listing_options, print_count, print_listing
from cli.options import Factor, Paths, settings_option
from cli.output.printing import Form, form_options, print_json, print_rows, say
from cli.output.run_progress import follow_run
from cli.output.run_table import print_comparison, print_run
from db.database import Database
from db.states import RunState
from db.training.records import TrainingRun
from db.training.runs import (
    cancel_run,
    find_run,
    list_runs,
    open_run,
    resume_run,
    run_checks,
    run_phases,
)
from results.listing import Listing
from results.run_rows import (
    CHECK_COLUMNS,
    CHECK_IN_TABLE,
    COLUMNS,
    IN_TABLE,
    check_rows,
    phase_row,
    plain_run,
    run_row,
    table_row,
)
from scheduler.archive import open_database
from scheduler.checkup.training_wait import waiting_for
from scheduler.preparation import prepare
from scheduler.roots import check_allowed, check_places
from scheduler.settings import Settings
from training.request import count_radiographs, new_runs, plan_of


@click.group()
def train() -> None:
    """Train networks on annotated images, through the queue.

    A run is a job: it survives restarts of the worker, broker and machine, continues from its
    last checkpoint, and ends as a network in `models list`. It needs a training worker:
    `thoraq up --training`, or `thoraq worker --queues training`.

    \b
    Example:
      thoraq train submit --data /srv/annotated --name our-own
      thoraq train status our-own --follow
      thoraq models promote our-own
    """


@train.command()
@click.option(
    "--data", required=True, type=Paths(file_okay=False), help="folder of annotated images"
)
@click.option("--run", "file", type=Paths(dir_okay=False), help="run file [default: four phases]")
@click.option("--phases", help="the phases to run, by number: 1-4, or 0,1 [default: all]")
@click.option("--scale", type=Factor(), help="factor for the number of steps")
@click.option("--faithful", is_flag=True, help="the original recipe, including its faults")
@click.option("--name", help="name of the run and its network [default: from the folder]")
@click.option("--start", metavar="MODEL", help="network or weights file to start from")
@click.option(
    "--teachers", metavar="MODEL,...", help="networks or weights files to distil the mean of"
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 99),
    default=1,
    show_default=True,
    help="number of runs with different seeds, named NAME-s1 ...",
)
@settings_option
def submit(
    data: Path,
    *,
    file: Path | None,
    phases: str | None,
    scale: float | None,
    faithful: bool,
    name: str | None,
    start: str | None,
    teachers: str | None,
    seeds: int,
    settings: Settings,
) -> None:
    """Queue a training run.

    The folder and the plan are checked first. The folder must have the same path on the machine
    that trains. MODEL is a version from `models list`, or a weights file.

    \b
    Example: the four phases, then one network taught by three
      thoraq train submit --data /srv/annotated --name our-own
      thoraq train submit --data /srv/annotated --name three --seeds 3
      thoraq train submit --data /srv/annotated --name one --teachers three-s1,three-s2,three-s3
    """
    if faithful and file is not None:
        raise click.UsageError("--faithful is a run file of its own; omit --run")
    check_places((data,))
    check_allowed(data, settings.allowed_roots)
    plan = plan_of(file, faithful=faithful, phases=phases, scale=scale)
    counts = count_radiographs(data.absolute())
    database = prepare(settings)
    taught = [each.strip() for each in (teachers or "").split(",") if each.strip()]
    runs = new_runs(
        database,
        settings,
        plan,
        data.absolute(),
        name=name,
        start=start,
        teachers=taught,
        seeds=seeds,
    )
    for new in runs:
        run = open_run(database, new)
        say(f"{run.name} queued: {len(plan.phases)} phases, {plan.steps} steps")
    say(f"{counts['train']} training and {counts['val']} validation radiographs")
    explain(run, database, settings)


@train.command()
@click.argument("run", required=False)
@click.option("--follow", is_flag=True, help="wait until RUN has ended")
@listing_options(COLUMNS, COLUMNS)
@count_option
@form_options
@settings_option
def status(
    run: str | None,
    *,
    follow: bool,
    listing: Listing,
    only_count: bool,
    form: Form,
    settings: Settings,
) -> None:
    """Show the progress of training runs, or one RUN in full.

    Errors are on the validation split, landmarks in px of a 224 frame. --follow exits with code 9
    (UNTRAINED) unless the run finished. --columns, --sort and --count apply to the list.

    \b
    Example:
      thoraq train status
      thoraq train status our-own --follow && thoraq models promote our-own
    """
    if follow and run is None:
        raise click.UsageError("--follow needs the name of a run")
    if run is not None and (listing != Listing() or only_count):
        raise click.UsageError("--columns, --sort and --count apply to the list: omit the run")
    database = open_database(settings)
    if run is None:
        found = list_runs(database)
        if only_count:
            print_count(len(found), form)
            return
        rows = map(table_row if form is Form.TABLE else run_row, found)
        print_listing(rows, form, listing, IN_TABLE)
        if not found and form is Form.TABLE:
            say("no runs yet; `thoraq train submit` creates them", err=True)
        return
    reason = partial(waiting_for, database=database, settings=settings)
    one = follow_run(database, run, reason) if follow else find_run(database, run)
    phases = run_phases(database, one.id)
    if form is Form.JSON:
        print_json(plain_run(one, phases))
    elif form is Form.CSV:
        print_rows([run_row(one)], form)
    else:
        print_run(one, phases)
        explain(one, database, settings)
    if follow and one.state is not RunState.FINISHED:
        click.get_current_context().exit(Exit.UNTRAINED)


@train.command()
@click.argument("run")
@settings_option
def cancel(run: str, settings: Settings) -> None:
    """Stop a training run; it can be resumed.

    A running one writes a checkpoint first.

    \b
    Example:
      thoraq train cancel our-own
    """
    one = cancel_run(open_database(settings), run)
    if one.state is RunState.CANCELLED:
        say(f"{one.name} is cancelled")
    else:
        say(f"{one.name} ends once {one.worker} has written a checkpoint")


@train.command()
@click.argument("run")
@settings_option
def resume(run: str, settings: Settings) -> None:
    """Requeue a cancelled or failed run from its last checkpoint.

    \b
    Example:
      thoraq train resume our-own
    """
    database = open_database(settings)
    one = resume_run(database, run)
    say(f"{one.name} requeued")
    explain(one, database, settings)


@train.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@form_options
@settings_option
def compare(runs: tuple[str, ...], form: Form, settings: Settings) -> None:
    """Compare the phases of training runs.

    Shows for each phase its error on the validation split in px of a 224 frame, the difference
    from its starting weights with the 95 % interval, and whether its weights were kept. The last
    row is the finished network on the test split.

    \b
    Example:
      thoraq train submit --data /srv/annotated --name ours
      thoraq train submit --data /srv/annotated --name original --faithful
      thoraq train compare ours original
    """
    database = open_database(settings)
    found = [find_run(database, name) for name in dict.fromkeys(runs)]
    ended = [(run, run_phases(database, run.id)) for run in found]
    if form is Form.TABLE:
        print_comparison(ended, database)
        return
    print_rows((phase_row(run, phase) for run, phases in ended for phase in phases), form)


@train.command()
@click.argument("run")
@listing_options(CHECK_COLUMNS, CHECK_COLUMNS)
@count_option
@form_options
@settings_option
def log(run: str, *, listing: Listing, only_count: bool, form: Form, settings: Settings) -> None:
    """List every evaluation of a training run.

    Errors are on the validation split, landmarks in px of a 224 frame; JSON and CSV contain the
    parts of the loss.

    \b
    Example:
      thoraq train log our-own --csv > checks.csv
    """
    database = open_database(settings)
    one = find_run(database, run)
    checks = run_checks(database, one.id)
    if only_count:
        print_count(len(checks), form)
        return
    print_listing(check_rows(checks), form, listing, CHECK_IN_TABLE)
    if not checks and form is Form.TABLE:
        say("no evaluation yet", err=True)
        explain(one, database, settings)


def explain(run: TrainingRun, database: Database, settings: Settings) -> None:
    """Print on standard error why a run does not progress, if it does not."""
    if reason := waiting_for(run, database, settings):
        say(reason, err=True)
