"""The end of a Celery process that was asked to stop, also where Celery itself would stay."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from billiard import pool
from celery import Celery, signals
from celery.exceptions import SecurityWarning
from celery.worker import state

#: Longer than a worker needs to give back what it holds, shorter than systemd waits for it.
LONGEST_SECONDS = 60.0
#: How long a child waits for its parent to take its last result. A parent that stops often takes it
#: no more; its message then comes again, and the database knows that the chunk is done.
RESULT_SECONDS = 2.0


def end_in_time() -> None:
    """Have this process end `LONGEST_SECONDS` after it was asked to stop, whatever it waits for.

    Celery says that it is online with retries that have no end and ask nobody whether to stop: a
    worker that is stopped while its broker is away would stay for as long as that is, and for good
    where the broker ended with its owner. What it held comes back when its lease ends.
    A child whose last result nobody takes would stay for half a minute.
    """
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(
        RESULT_SECONDS / pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    )

    def limit(**_: Any) -> None:
        if not signal.getitimer(signal.ITIMER_REAL)[0]:  # asked twice, it gets no more time
            signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)  # its signal is fatal

    signals.worker_shutting_down.connect(limit, weak=False)


def become_worker(app: Celery, arguments: Sequence[str]) -> NoReturn:
    """Be a Celery worker until it ends, and leave with an exit code that says why.

    Celery drops it, and systemd starts nobody again who left with 0.
    """
    end_in_time()
    # Celery's words about the superuser would open every log; `thoraq doctor` has its own.
    warnings.simplefilter("ignore", SecurityWarning)
    codes: list[int | None] = [None]

    def note(sender: Any, **_: Any) -> None:
        codes.append(sender.exitcode)

    signals.worker_shutdown.connect(note, weak=False)
    app.worker_main([*arguments])
    asked = {state.should_stop, state.should_terminate} - {None, False}
    sys.exit(0 if asked else codes[-1])
