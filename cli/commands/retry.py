"""`thoraq retry`."""

from __future__ import annotations

import click

from cli.options import KnownBatch, settings_option
from cli.output.codes import check_codes
from cli.output.printing import say
from cli.output.shell import in_state
from db.operations import retry as queue_again
from radiograph.errors import PathNotKept
from scheduler.archive import open_database
from scheduler.settings import Settings


@click.command()
@click.argument("batch", type=KnownBatch(), required=False)
@click.option("--batch", "named", type=KnownBatch(), help="the same as BATCH")
@click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="CODE",
    help="only files set aside or failed with this code; may be repeated",
)
@settings_option
def retry(
    batch: str | None, *, named: str | None, codes: tuple[str, ...], settings: Settings
) -> None:
    """Requeue failed or cancelled files.

    Requeues the files of one BATCH, including contents that were cancelled in other batches, or
    of all batches. With --code, exactly the files that ended with these codes, including those
    set aside. Attempts start again at zero. Measured files are left alone.

    \b
    Example: after a share has been remounted
      thoraq retry --code file-unavailable --batch archive-3f2a91bc
    """
    if batch is not None and named is not None:
        raise click.UsageError("name the batch once")
    database = open_database(settings)
    check_codes(database, codes)
    count = queue_again(database, batch or named, codes or None, settings.chunk_size)
    say(f"{count.jobs} requeued")
    if count.files:
        say(f"{count.files} refused at intake: submit their folders again")
    if count.not_kept:
        say(f"{count.not_kept} unchanged: their paths were not stored")
    if count.jobs:
        say(f"workers measure them: start `{in_state('thoraq up')}` unless it runs", err=True)
    if count.not_kept:
        raise PathNotKept
