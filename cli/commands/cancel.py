"""`thoraq cancel`."""

from __future__ import annotations

import click

from cli.options import KnownBatch, settings_option
from cli.output.printing import say
from db.operations import cancel as take_out
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.argument("batch", type=KnownBatch())
@settings_option
def cancel(batch: str, settings: Settings) -> None:
    """Take a batch's waiting files out of the queue.

    Files in a worker's hands are finished; what another batch holds too goes on waiting as that
    batch's own. What is cancelled comes back with `retry`, or by submitting the folder again under
    another batch.

    \b
    Example:
      thoraq cancel archive-3f2a91bc
    """
    count = take_out(open_database(settings), batch, settings.chunk_size)
    handed = f", {count.handed_over} left to other batches" if count.handed_over else ""
    say(f"{count.cancelled} cancelled, {count.in_flight} in a worker's hands{handed}")
