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
    """Queue again what failed or was cancelled.

    Of one BATCH, with whatever was cancelled of the contents it holds, or of all. With --code,
    exactly what ended with these codes, also if it was set aside. Attempts count from zero. What is
    measured stays measured.

    \b
    Example: a share was away; it is back
      thoraq retry --code file-unavailable --batch archive-3f2a91bc
    """
    database = open_database(settings)
    check_codes(database, codes)
    count = queue_again(database, batch, codes or None, settings.chunk_size)
    say(f"{count.jobs} queued again")
    if count.files:
        say(f"{count.files} that intake refused: submit their folders again")
    if count.not_kept:
        say(f"{count.not_kept} left as they are, of which no path is kept")
    if count.jobs:
        say(
            f"workers take them up: `{in_state('thoraq up', settings)}`, unless it runs already",
            err=True,
        )
    if count.not_kept:
        raise PathNotKept
