"""Ending a Celery process that was asked to stop, even if Celery itself would hang."""

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

#: Longer than a worker needs to return its files, shorter than systemd's timeout.
LONGEST_SECONDS = 60.0
#: How long a child waits for its parent to read its last result. A stopping parent often does not;
#: the message is then delivered again, and the database knows that the chunk is done.
RESULT_SECONDS = 2.0


def end_in_time() -> None:
    """Make this process end at most `LONGEST_SECONDS` after it was asked to stop.

    Celery announces itself to the broker with endless retries that ignore a stop: a worker stopped
    while its broker is unavailable would hang until the broker returns. Its files are requeued when
    its lease expires. A child whose last result is not read would hang for half a minute.
    """
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = round(
        RESULT_SECONDS / pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL
    )

    def limit(**_: Any) -> None:
        if not signal.getitimer(signal.ITIMER_REAL)[0]:  # a second request does not extend it
            signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)  # its signal is fatal

    signals.worker_shutting_down.connect(limit, weak=False)


def become_worker(app: Celery, arguments: Sequence[str]) -> NoReturn:
    """Run a Celery worker until it ends, and exit with its exit code.

    Celery discards the code, and systemd does not restart a process that exits with 0.
    """
    end_in_time()
    # Suppress Celery's warning about root in every log; `thoraq doctor` has its own.
    warnings.simplefilter("ignore", SecurityWarning)
    codes: list[int | None] = [None]

    def note(sender: Any, **_: Any) -> None:
        codes.append(sender.exitcode)

    signals.worker_shutdown.connect(note, weak=False)
    app.worker_main([*arguments])
    asked = {state.should_stop, state.should_terminate} - {None, False}
    sys.exit(0 if asked else codes[-1])
