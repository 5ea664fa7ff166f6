"""Waiting until the database answers: its absence is logged once, and its return once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog

from db.errors import DatabaseError
from radiograph.errors import ThoraqError

_log = structlog.stdlib.get_logger(__name__)

#: Pause before asking a database that did not answer again.
PAUSE_SECONDS = 2.0

Answer = TypeVar("Answer")


class AbsenceNote:
    """Logs that something does not answer, once for each code, and once that it answers again.

    ``waits``, ``goes_on``: the two log lines.
    """

    def __init__(
        self,
        waits: str = "waiting for the database",
        goes_on: str = "the database answers again",
    ) -> None:
        self._waits = waits
        self._goes_on = goes_on
        self._code: str | None = None

    def note(self, error: ThoraqError) -> None:
        """Note that it does not answer."""
        if error.code != self._code:
            self._code = error.code
            _log.warning(self._waits, code=error.code)

    def end(self) -> None:
        """Note that it answers."""
        if self._code is not None:
            self._code = None
            _log.info(self._goes_on)


def until_answered(
    ask: Callable[[], Answer],
    wait: Callable[[float], object],
    note: Callable[[DatabaseError], None] | None = None,
) -> Answer:
    """Return what ``ask`` returns, once the database answers.

    ``wait``: waits that many seconds before the next attempt; what it raises ends the wait.
    ``note``: is called after each attempt without an answer; the log is written where None.
    Raises DatabaseError where waiting does not help, and what ``ask`` raises otherwise.
    """
    absence = AbsenceNote()
    while True:
        try:
            answer = ask()
        except DatabaseError as exc:
            if not exc.awaited:
                raise
            (note or absence.note)(exc)
            wait(PAUSE_SECONDS)
        else:
            absence.end()
            return answer
