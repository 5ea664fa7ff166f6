"""The breaker: distinguishes a machine that fails every file from damaged files.

Several failures in a row that may be the machine's fault trip it. Then the machine is tested with a
valid sample; only if that fails too does the worker give up its chunk. So an unmounted share does
not fail an archive, and a folder of damaged files does not stop a worker.
"""

from __future__ import annotations

from radiograph.errors import FileUnavailable
from worker.errors import ReaderCrashed, ReaderOutOfMemory, ReaderTimeout, RootUnknown

_SUSPICIOUS = frozenset(
    {
        FileUnavailable.code,
        RootUnknown.code,
        ReaderCrashed.code,
        ReaderOutOfMemory.code,
        ReaderTimeout.code,
    }
)
_IN_A_ROW = 5
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0


class Breaker:
    """Counts suspicious refusals in a row, and doubles the pause after giving up."""

    def __init__(self, in_a_row: int = _IN_A_ROW) -> None:
        self._in_a_row = in_a_row
        self._count = 0
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def note(self, code: str | None) -> bool:
        """Count a file's refusal, None if it was read; return whether to test the machine."""
        self._count = self._count + 1 if code in _SUSPICIOUS else 0
        return self._count >= self._in_a_row

    def acquit(self) -> None:
        """Reset the count: the machine works, the files are damaged."""
        self._count = 0

    def pause_seconds(self) -> float:
        """Return how long to pause; doubles until a chunk succeeds."""
        self._count = 0
        pause = self._pause_seconds
        self._pause_seconds = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return pause

    def succeed(self) -> None:
        """Note that a chunk was stored."""
        self._pause_seconds = _FIRST_PAUSE_SECONDS
