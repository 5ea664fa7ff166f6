"""Run a forgetting that is killed after some rounds: URL KIND NAME ROUNDS."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence

from db import erasure
from db import rounds as rounds_module
from db.database import Database
from db.erasure_records import Scope
from db.rounds import rounds

url, kind, name, most = sys.argv[1:]


rounds_module.ROUND = 16


def some_rounds(db: Database, ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for nth, some in enumerate(rounds(db, ids)):
        if nth == int(most):
            os.kill(os.getpid(), signal.SIGKILL)
        yield some


erasure.rounds = some_rounds  # type: ignore[attr-defined]
scope = Scope(batch=name) if kind == "batch" else Scope(patients=(name,))
for _ in erasure.erase(Database.open(url), scope):
    pass
