"""`thoraq pause` and `thoraq resume`."""

from __future__ import annotations

import click

from cli.options import KnownBatch, settings_option
from cli.output.printing import say
from db.pauses import pause_batch, pause_queue, paused_queues, resume_batch, resume_queue
from db.query.status import batch_status
from db.states import QueueName
from scheduler.archive import open_database
from scheduler.settings import Settings

queue_option = click.option(
    "--queue",
    type=click.Choice(QueueName, case_sensitive=False),
    help="a whole queue, also what comes into it later",
)


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@queue_option
@settings_option
def pause(batch: str | None, queue: QueueName | None, settings: Settings) -> None:
    """Hold a batch or a queue back until `resume`.

    Files in a worker's hands are finished with their chunk, which takes seconds; a training run
    at work goes on. What waits stays where it is, through any restart, and what is submitted
    meanwhile waits with it.

    \b
    Example: the ward needs the machine
      thoraq pause archive-3f2a91bc
      thoraq pause --queue training
    """
    check_one(batch, queue)
    database = open_database(settings)
    if queue is not None:
        count = pause_queue(database, queue)
    else:
        count = pause_batch(database, batch or "")
    say(f"{count.waiting} held back, {count.in_flight} in a worker's hands")


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@queue_option
@settings_option
def resume(batch: str | None, queue: QueueName | None, settings: Settings) -> None:
    """Let a paused batch or queue go on.

    \b
    Example:
      thoraq resume archive-3f2a91bc
    """
    check_one(batch, queue)
    database = open_database(settings)
    if queue is not None:
        was_paused = queue in paused_queues(database)
        count = resume_queue(database, queue)
    else:
        was_paused = batch_status(database, batch or "").batch.paused_at is not None
        count = resume_batch(database, batch or "")
    if was_paused:
        say(f"{count.waiting} go on" if count.waiting else "no longer paused; nothing waits")
    else:
        say(f"the {queue} queue was not paused" if queue else f"{batch} was not paused")


def check_one(batch: str | None, queue: QueueName | None) -> None:
    """Check that either a batch or a queue is named. Raises click.UsageError."""
    if (batch is None) == (queue is None):
        raise click.UsageError("name one batch, or give --queue")
