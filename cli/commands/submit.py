"""`thoraq submit`."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import (
    model_option,
    new_batch_option,
    paths_argument,
    priority_option,
    settings_option,
)
from cli.output.absences import tell
from cli.output.printing import say
from cli.output.progress import BatchProgress
from db.intake import open_batch
from db.query.status import batch_status
from db.query.waiting import waiting_files
from db.states import Priority
from scheduler.checkup.pauses import why_paused
from scheduler.checkup.remedy import quoted
from scheduler.intake.submission import enqueue
from scheduler.names import batch_name
from scheduler.preparation import prepare
from scheduler.settings import Settings


@click.command()
@paths_argument
@new_batch_option("absolute paths")
@priority_option
@model_option
@settings_option
def submit(
    paths: tuple[Path, ...],
    batch: str | None,
    priority: Priority,
    model: str | None,
    settings: Settings,
) -> None:
    """Queue folders and files for running workers.

    Identical contents are queued once, whatever their names; submitting a folder again queues
    only new files. Workers run separately: `thoraq up`, or one `thoraq scheduler` and a
    `thoraq worker` on each machine. Absent ones are reported on standard error.

    \b
    Example:
      thoraq submit /inbox/emergency --priority urgent --batch tonight
      thoraq status tonight --follow
    """
    database = prepare(settings, model)
    into = open_batch(database, batch or batch_name(paths, model), priority)
    with BatchProgress() as progress:
        count = enqueue(database, paths, into, settings, model=model, progress=progress.take_in)
    say(
        f"batch {into.name}: {count.seen} seen = {count.queued} queued + {count.known} known"
        f" + {count.duplicates} duplicates + {count.refused} refused"
    )
    if why := why_paused(database, into):
        say(why, err=True)
    elif waiting_files(database, [batch_status(database, into.name)]):
        tell(settings)
    if model is not None and count.known:
        say(
            "known files keep the network they were queued for; measure them again with"
            f" `thoraq remeasure --model {quoted(model)} --batch {quoted(into.name)}`",
            err=True,
        )
