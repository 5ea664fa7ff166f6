"""Absences as commands tell them: what does not answer while files wait."""

from __future__ import annotations

import time

import structlog

from cli.output.printing import say
from db.database import Database
from db.errors import DatabaseError
from db.query.status import batch_status
from db.query.waiting import waiting_files
from scheduler.checkup.absence import sentences
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: Pause between two looks of a command that stays; a look takes up to two seconds.
LOOK_SECONDS = 10.0


def tell(settings: Settings) -> None:
    """Print on standard error what does not answer; nothing where all do."""
    for each in sentences(settings):
        say(each, err=True)


class Lookout:
    """Prints once what does not answer while files of a batch wait; logs what changes after."""

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
