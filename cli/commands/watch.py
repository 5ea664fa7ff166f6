"""`thoraq watch`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from cli.options import (
    Paths,
    model_option,
    new_batch_option,
    priority_option,
    settings_option,
)
from cli.output.absences import Lookout
from cli.output.printing import say
from db.records import IntakeCount
from db.states import Priority
from results.codes import known_codes
from scheduler.intake.put_away import After
from scheduler.intake.watch import Watch
from scheduler.names import batch_name
from scheduler.preparation import prepare
from scheduler.roots import check_places
from scheduler.settings import Settings


@click.command()
@click.argument("folder", type=Paths(file_okay=False))
@click.option("--once", is_flag=True, help="queue the files that are complete now, then exit")
@click.option(
    "--after",
    type=click.Choice(After, case_sensitive=False),
    default=After.LEAVE,
    show_default=True,
    help="what to do with a file that has ended: leave it; move it to done/ or failed/ in FOLDER;"
    " or delete it if it was measured and move it to failed/ if not",
)
@new_batch_option("absolute path")
@priority_option
@model_option
@settings_option
def watch(
    folder: Path,
    *,
    once: bool,
    after: After,
    batch: str | None,
    priority: Priority,
    model: str | None,
    settings: Settings,
) -> None:
    """Watch a folder and queue each new file once, until Ctrl-C or SIGTERM.

    A file is queued when it is closed, renamed into the folder, or unchanged for
    THORAQ_SETTLE_SECONDS (for shares without file events). Files already taken are recorded in
    the database, so a restart queues nothing twice. Links, hidden files and unfinished files
    (.part, .tmp and the like) are skipped. Moved files keep their relative path below done/ or
    failed/; failed/reasons.csv lists the reasons.

    \b
    Example: a PACS exports into /inbox; this machine measures
      thoraq up &
      thoraq watch /inbox --priority urgent --after move
    """
    check_places((folder,))
    printed = IntakeCount()

    def print_count(count: IntakeCount) -> None:
        nonlocal printed
        if count.seen > printed.seen:
            printed = count
            say(
                f"{count.seen} taken in = {count.queued} queued + {count.known} known"
                f" + {count.duplicates} duplicates + {count.refused} refused"
            )

    name = batch or batch_name([folder], model)
    database = prepare(settings, model)
    lookout = Lookout(database, name, settings)
    watched = Watch(
        database,
        folder,
        settings,
        batch=name,
        priority=priority,
        model=model,
        after=after,
        remedies={each.code: each.sentence for each in known_codes().values()},
        progress=print_count,
    )
    say(f"watching {folder} for batch {name}", err=True)
    if once:
        watched.once()
        lookout.look()
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watched.run(stop, after_scan=lookout.look)
