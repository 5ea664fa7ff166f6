"""Flower's process, which always ends when it is asked to.

Python would wait at exit for Flower's threads, which may wait for a broker that is gone. Flower has
no data to write, so it is ended after a grace period.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from celery.__main__ import main as celery
from flower import command, events

from scheduler.messages import MEASURE, TRAIN
from scheduler.terminal import print_faults

#: For requests in progress.
_GRACE_SECONDS = 3.0


class _Metrics(events.PrometheusMetrics):  # type: ignore[misc]  # untyped
    """Metrics by kind of task; by name they would grow with every batch."""

    def observe_task(self, worker: str, event: dict[str, Any], task: Any) -> None:
        kind = TRAIN if "run_id" in str(task.kwargs) else MEASURE
        super().observe_task(worker, {**event, "name": kind}, task)


def main() -> None:
    """Run Flower with the options of the command line."""
    print_faults()
    events.PrometheusMetrics = _Metrics
    command.sigterm_handler = _end  # it installs this one itself
    signal.signal(signal.SIGINT, _end)
    sys.argv = ["celery", "flower", *sys.argv[1:]]
    celery()


def _end(number: int, frame: FrameType | None) -> None:
    """Exit normally, or forcibly after the grace period."""
    del number, frame
    late = threading.Timer(_GRACE_SECONDS, os._exit, (os.EX_OK,))
    late.daemon = True
    late.start()
    sys.exit(os.EX_OK)


if __name__ == "__main__":
    main()
