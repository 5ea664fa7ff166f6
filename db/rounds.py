"""Work on as many rows as a batch has: in rounds, between which other writers get their turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from db.bulk import is_postgres
from db.database import Database, pieces

#: Rows that one transaction changes: at most a few tenths of a second of SQLite's only write lock.
#: A multiple of the usual chunk size, so that rounds leave few small chunks.
ROUND = 1024
#: A writer that waits for SQLite's lock looks again after a tenth of a second at the latest.
_PAUSE_SECONDS = 0.11


def rounds(db: Database, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield ids in rounds, each for a transaction of its own.

    They were read before: each transaction looks again at what is left of its round.
    """
    with db.read() as connection:
        pause_seconds = 0.0 if is_postgres(connection) else _PAUSE_SECONDS
    for nth, some in enumerate(pieces(ids, ROUND)):
        if nth:
            time.sleep(pause_seconds)
        yield some
