"""`thoraq cancel`."""

from __future__ import annotations

import click

from cli.options import KnownBatch, settings_option
from cli.output.printing import say
from db.operations import cancel as cancel_batch
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.argument("batch", type=KnownBatch())
@settings_option
def cancel(batch: str, settings: Settings) -> None:
    """Remove a batch's waiting files from the queue.

    Files that a worker already holds are finished. Files that are also in another batch keep
    waiting as part of that batch. `retry` queues cancelled files again, and so does submitting
    the folder as another batch.

    \b
    Example:
      thoraq cancel archive-3f2a91bc
    """
    count = cancel_batch(open_database(settings), batch, settings.chunk_size)
    handed = f", {count.handed_over} left to other batches" if count.handed_over else ""
    say(f"{count.cancelled} cancelled, {count.in_flight} held by workers{handed}")
