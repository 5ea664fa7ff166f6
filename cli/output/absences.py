"""What the operator is told where files wait and nobody measures them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog

from cli.output.printing import Row, say
from cli.output.shell import in_state
from db.database import Database
from db.errors import DatabaseError
from db.pauses import paused_queues
from db.query.status import all_statuses, batch_status
from db.records import BatchStatus
from db.states import QueueName
from scheduler.absences import PATIENCE_SECONDS, Absence, Part, find_absences
from scheduler.broker import broker_url, ping
from scheduler.errors import SchedulerError
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: What each part does; said where it is missing.
_LACK = {
    Part.BROKER: "so nothing runs",
    Part.SCHEDULER: "so nothing is sent to workers or brought back",
    Part.WORKER: "so nothing is measured",
}
#: Pause between two looks of a command that stays; a look takes up to two seconds.
LOOK_SECONDS = 10.0


def sentence(absence: Absence, settings: Settings) -> str:
    """Return what does not answer, since when, and the command that starts it."""
    if absence.part is Part.BROKER:
        where = "" if settings.broker_url is None else " at THORAQ_BROKER_URL"
        return f"no broker answers{where}, {_LACK[absence.part]}: {remedy(absence, settings)}"
    since = f"has answered {since_when(absence)}"
    return f"no {absence.part} {since}, {_LACK[absence.part]}: {remedy(absence, settings)}"


def since_when(absence: Absence) -> str:
    """Return since when a part is missed, and who was the last."""
    if absence.since is None:
        return "yet"
    since = absence.since.astimezone().isoformat(sep=" ", timespec="minutes")
    return f"since {since} ({absence.name})"


def remedy(absence: Absence, settings: Settings) -> str:
    """Return what to do."""
    start = command(absence, settings)
    if start is None:
        return "see `thoraq doctor`"
    alone = settings.broker_url is None
    return (
        f"start `{start}`"
        if alone
        else f"start `{start}`, or `{in_state('thoraq up')}` for all of a machine"
    )


def command(absence: Absence, settings: Settings) -> str | None:
    """Return the command that starts a part; None where it is not thoraq's."""
    if settings.broker_url is None:
        return in_state("thoraq up")  # the embedded broker belongs to it
    return None if absence.part is Part.BROKER else in_state(f"thoraq {absence.part}")


def tell(settings: Settings) -> None:
    """Say on standard error what does not answer; nothing where all do."""
    for each in sentences(settings):
        say(each, err=True)


def sentences(settings: Settings) -> list[str]:
    """Return a line for each part that does not answer, as far as this user can tell."""
    return [sentence(each, settings) for each in find_absences(settings) or ()]


def no_broker(settings: Settings) -> list[str]:
    """Return a line where the broker does not answer: `process` starts all else by itself."""
    try:
        away = ping(broker_url(settings), PATIENCE_SECONDS) is None
    except SchedulerError:
        away = True
    return [sentence(Absence(Part.BROKER), settings)] if away else []


def rows(settings: Settings) -> list[Row]:
    """Return each part that does not answer as JSON holds it."""
    return [
        {
            "part": str(each.part),
            "since": None if each.since is None else each.since.isoformat(timespec="seconds"),
            "last": each.name,
            "start": command(each, settings),
        }
        for each in find_absences(settings) or ()
    ]


def waiting_files(database: Database, statuses: Sequence[BatchStatus] | None = None) -> int:
    """Return how many files wait or are at work, without those that are paused."""
    found = all_statuses(database) if statuses is None else statuses
    held = paused_queues(database)
    return sum(
        each.open
        for each in found
        if each.batch.paused_at is None and QueueName(each.batch.priority) not in held
    )


class Lookout:
    """Tells once who does not answer while files of a batch wait, then what changes, in the log."""

    def __init__(self, database: Database, batch: str, settings: Settings) -> None:
        self._database = database
        self._batch = batch
        self._settings = settings
        self._said: list[str] = []
        self._told = False
        self._due_at = 0.0

    def look(self) -> None:
        """Look, unless the last time was a moment ago."""
        now = time.monotonic()
        if now < self._due_at:
            return
        try:
            waits = waiting_files(self._database, [batch_status(self._database, self._batch)])
        except DatabaseError:
            return  # the watch says so
        found = sentences(self._settings) if waits else []
        self._due_at = time.monotonic() + LOOK_SECONDS
        parts = [each.partition(" has answered")[0] for each in found]
        if parts == self._said:
            return
        if not self._told:
            for each in found:
                say(each, err=True)
        elif found:
            _log.warning("files wait", missing=found)
        elif waits:
            _log.warning("what was missing answers again")
        self._told = True
        self._said = parts
