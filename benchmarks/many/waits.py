"""Wait events of busy connections, sampled from pg_stat_activity."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

from benchmarks.sampler import Sampler
from db.database import Database

_PAUSE_SECONDS = 0.1
_BUSY = text(
    "SELECT coalesce(wait_event_type || ' ' || wait_event, 'running') AS waiting, count(*) AS busy"
    " FROM pg_stat_activity WHERE usename = 'worker' AND state = 'active' GROUP BY 1"
)


class Waits(Sampler):
    """Samples until the block ends."""

    def __init__(self, watcher: Database) -> None:
        super().__init__(_PAUSE_SECONDS)
        self._watcher = watcher
        self._found: Counter[str] = Counter()

    def shares(self) -> dict[str, float]:
        """Return the share of each wait event in the busy samples, the largest first."""
        total = self._found.total() or 1
        return {name: count / total for name, count in self._found.most_common()}

    def sample(self) -> None:
        """Count what each busy connection waits for."""
        with self._watcher.read() as connection:
            for row in connection.execute(_BUSY):
                self._found[row.waiting] += row.busy
