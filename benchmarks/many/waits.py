"""Wait events of busy connections, sampled from pg_stat_activity."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import Self

from sqlalchemy import text

from db.database import Database

_PAUSE_SECONDS = 0.1
_BUSY = text(
    "SELECT coalesce(wait_event_type || ' ' || wait_event, 'running') AS waiting, count(*) AS busy"
    " FROM pg_stat_activity WHERE usename = 'worker' AND state = 'active' GROUP BY 1"
)


class Waits:
    """Samples until the block ends."""

    def __init__(self, watcher: Database) -> None:
        self._watcher = watcher
        self._over = threading.Event()
        self._found: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def shares(self) -> dict[str, float]:
        """Return the share of each wait event in the busy samples, the largest first."""
        total = self._found.total() or 1
        return {name: count / total for name, count in self._found.most_common()}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            with self._watcher.read() as connection:
                for row in connection.execute(_BUSY):
                    self._found[row.waiting] += row.busy
