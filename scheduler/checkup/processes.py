"""The check of who answers: scheduler and workers, on whatever machine."""

from __future__ import annotations

from collections.abc import Iterator

from db import schema
from db.errors import DatabaseError
from db.query.waiting import waiting_files
from scheduler.absences import Part, find_absences
from scheduler.archive import open_database
from scheduler.checkup.absence import since_when, start_command
from scheduler.checkup.broker import closed_broker
from scheduler.checkup.check import Check
from scheduler.checkup.remedy import in_state
from scheduler.settings import Settings


def check_processes(settings: Settings) -> Iterator[Check]:
    """Yield a check per part that does not answer; an embedded installation need not run."""
    absent = find_absences(settings)
    if absent is None:
        yield _unknown_processes(settings)
    elif not absent:
        yield Check("processes", ok=True, found="scheduler and workers answer")
    elif absent[0].part is not Part.BROKER:
        for each in absent:
            found = f"no {each.part} has answered {since_when(each)}"
            repair = start_command(each, settings)
            yield Check("processes", ok=False, found=found, repair=repair)
    elif settings.broker_url is None:  # another broker has a check that says so
        waiting = count_waiting(settings)
        if waiting is None:
            found = "nothing runs; whether files wait cannot be told while the database fails"
            yield Check("processes", ok=None, found=found)
            return
        found = f"nothing runs, and {waiting} files wait" if waiting else "resting, nothing waits"
        repair = in_state("thoraq up", settings) if waiting else None
        yield Check("processes", not waiting, found, repair)


def _unknown_processes(settings: Settings) -> Check:
    """Return the check where this user cannot ask who answers."""
    if settings.broker_url is not None:
        found = "cannot be told from here: this user of the broker may only send"
    else:
        found = f"cannot be told from here: {closed_broker(settings)}"
    return Check("processes", ok=None, found=found)


def count_waiting(settings: Settings) -> int | None:
    """Return how many files wait; None: the database fails, and its own check says why."""
    try:
        state = schema.check(settings.database)
        if state.current is None:
            return 0  # not made yet
        if not state.up_to_date:
            return None
        database = open_database(settings)
        try:
            return waiting_files(database)
        finally:
            database.dispose()
    except DatabaseError:
        return None
