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
    help="a whole queue, including work submitted later",
)


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@queue_option
@settings_option
def pause(batch: str | None, queue: QueueName | None, settings: Settings) -> None:
    """Pause a batch or a queue until `resume`.

    Chunks that workers already hold are finished, which takes seconds; a running training run
    continues. The pause survives restarts, and files submitted meanwhile wait too.

    \b
    Example: leave the machine to other work
      thoraq pause archive-3f2a91bc
      thoraq pause --queue training
    """
    check_one(batch, queue)
    database = open_database(settings)
    if queue is not None:
        count = pause_queue(database, queue)
    else:
        count = pause_batch(database, batch or "")
    say(f"{count.waiting} paused, {count.in_flight} held by workers")


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@queue_option
@settings_option
def resume(batch: str | None, queue: QueueName | None, settings: Settings) -> None:
    """Resume a paused batch or queue.

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
        say(f"{count.waiting} resumed" if count.waiting else "no longer paused; nothing is waiting")
    else:
        say(f"the {queue} queue was not paused" if queue else f"{batch} was not paused")


def check_one(batch: str | None, queue: QueueName | None) -> None:
    """Check that either a batch or a queue is given. Raises click.UsageError."""
    if (batch is None) == (queue is None):
        raise click.UsageError("give either a batch or --queue")
