"""Changing many rows in rounds, so that other writers get their turn in between."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from db.bulk import is_postgres
from db.database import Database, pieces

#: Rows changed per transaction, which holds SQLite's only write lock for a few tenths of a second
#: at most. A multiple of the usual chunk size, so that rounds leave few small chunks.
ROUND = 1024
#: Longer than a tenth of a second, after which a writer that waits for SQLite's lock tries again.
_PAUSE_SECONDS = 0.11


def rounds(db: Database, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield ids in rounds, each for a separate transaction.

    The ids were read earlier: each transaction must check again which of them still apply.
    """
    with db.read() as connection:
        pause_seconds = 0.0 if is_postgres(connection) else _PAUSE_SECONDS
    for nth, some in enumerate(pieces(ids, ROUND)):
        if nth:
            time.sleep(pause_seconds)
        yield some
