"""The child's beat: whether the process that does a worker's tasks runs.

The parent answers, takes messages and sends its heartbeat while its child is stopped or frozen.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import time
from typing import Any

from celery import signals

from scheduler.pulse import BEAT_SECONDS


class ChildBeat:
    """When a worker's child last ran, in memory that both share.

    Made by the parent before it forks. A thread of the child beats, so that a task may take as
    long as it needs; whether a device answers is watched in the child itself.
    """

    def __init__(self) -> None:
        # Monotonic seconds, which are the same in both and leave out a suspended machine.
        self._at = ctypes.c_double.from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
        self._at.value = time.monotonic()
        signals.worker_process_init.connect(self._begin, weak=False)

    @property
    def silent_seconds(self) -> float:
        """How long the child has not run, or none has started."""
        return max(0.0, time.monotonic() - self._at.value)

    def _begin(self, **_: Any) -> None:
        threading.Thread(target=self._beat, name="child beat", daemon=True).start()

    def _beat(self) -> None:
        while True:
            self._at.value = time.monotonic()
            time.sleep(BEAT_SECONDS)
