"""Run a cancel or retry that is killed after some rounds: URL COMMAND BATCH ROUNDS."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence

from db import operations
from db import rounds as rounds_module
from db.database import Database
from db.rounds import rounds

url, command, batch, most = sys.argv[1:]


rounds_module.ROUND = 96


def some_rounds(db: Database, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for nth, some in enumerate(rounds(db, ids)):
        if nth == int(most):
            os.kill(os.getpid(), signal.SIGKILL)
        yield some


operations.rounds = some_rounds  # type: ignore[attr-defined]
opened = Database.open(url)
if command == "cancel":
    operations.cancel(opened, batch, 16)
else:
    operations.retry(opened, batch, None, 16)
