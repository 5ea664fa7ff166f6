"""`thoraq retry`."""

from __future__ import annotations

import click

from cli.options import codes_option, either_batch, settings_option
from cli.output.codes import check_codes
from cli.output.printing import say
from db.operations import retry as queue_again
from radiograph.errors import PathNotKept
from scheduler.archive import open_database
from scheduler.checkup.remedy import in_state
from scheduler.settings import Settings


@click.command()
@either_batch
@codes_option(", set aside or failed")
@settings_option
def retry(batch: str | None, *, codes: tuple[str, ...], settings: Settings) -> None:
    """Requeue failed or cancelled files.

    Requeues the files of one BATCH, including contents that were cancelled in other batches, or
    of all batches. With --code, exactly the files that ended with these codes, including those
    set aside. Attempts start again at zero. Measured files are left alone.

    \b
    Example: after a share has been remounted
      thoraq retry --code file-unavailable --batch archive-3f2a91bc
    """
    database = open_database(settings)
    check_codes(database, codes)
    count = queue_again(database, batch, codes or None, settings.chunk_size)
    say(f"{count.jobs} requeued")
    if count.files:
        say(f"{count.files} refused at intake: submit their folders again")
    if count.not_kept:
        say(f"{count.not_kept} unchanged: their paths were not stored")
    if count.jobs:
        say(
            f"workers measure them: start `{in_state('thoraq up', settings)}` unless it runs",
            err=True,
        )
    if count.not_kept:
        raise PathNotKept
