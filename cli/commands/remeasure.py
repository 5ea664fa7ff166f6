"""`thoraq remeasure`."""

from __future__ import annotations

from dataclasses import replace

import click

from cli.options import BatchName, filters_named, priority_option, settings_option
from cli.output.printing import say
from cli.output.progress import BatchProgress
from db.intake import open_batch
from db.query.results import count_results
from db.records import IntakeCount, ResultFilter
from db.remeasurement import remeasure as queue_again
from db.states import Priority
from radiograph.errors import PathNotKept
from scheduler.checkup.remedy import in_state
from scheduler.names import remeasured_name
from scheduler.preparation import prepare
from scheduler.settings import Settings


@click.command()
@click.option("--model", required=True, help="version of the network to measure with")
@click.option(
    "--into",
    type=BatchName(),
    metavar="NAME",
    help="name of the new batch [default: from network and filters]",
)
@priority_option
@settings_option
@filters_named("--measured-by")
def remeasure(
    model: str,
    into: str | None,
    *,
    priority: Priority,
    settings: Settings,
    wanted: ResultFilter,
) -> None:
    """Measure known radiographs again with another network.

    Queues the radiographs whose results match the filters, or all measured radiographs without
    filters; no folder is read. Old results are kept, and `models compare` compares them with the
    new ones. Repeating the command queues only new radiographs.

    \b
    Example: the whole archive, or the doubtful radiographs of one batch
      thoraq remeasure --model our-own
      thoraq remeasure --model our-own --batch archive-3f2a91bc --where 'frontal_probability<0.9'
    """
    if into is not None and into == wanted.batch:
        raise click.UsageError("--into must be another batch than --batch")
    database = prepare(settings, model)
    if not count_results(database, replace(wanted, limit=1)):
        say("no result matches; `thoraq results` takes the same filters", err=True)
        return
    batch = open_batch(database, into or remeasured_name(model, wanted), priority)
    count = IntakeCount()
    lost: PathNotKept | None = None
    with BatchProgress() as progress:
        try:
            for more in queue_again(database, batch, wanted, model, settings.chunk_size):
                count += more
                progress.take_in(count)
        except PathNotKept as exc:
            lost = exc
    say(
        f"batch {batch.name}: {count.seen} selected = {count.queued} queued + {count.known} known"
        f" + {count.duplicates} duplicates"
    )
    if count.queued:
        say(
            f"workers measure them: start `{in_state('thoraq up', settings)}` unless it runs",
            err=True,
        )
    if lost is not None:
        raise lost
