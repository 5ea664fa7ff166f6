"""How busy the machine's cores are while something goes on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import psutil

_PAUSE_SECONDS = 0.5


class Load:
    """Samples the share of all cores that is at work, until it is left."""

    def __init__(self) -> None:
        self._samples: list[tuple[datetime, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def between(self, begin: datetime | None, end: datetime | None) -> float:
        """Return the mean share, 0 to 1, of a time that was sampled."""
        shares = [
            share
            for at, share in self._samples
            if begin is None or end is None or begin <= at <= end
        ]
        return sum(shares) / len(shares) if shares else 0.0

    def __enter__(self) -> Self:
        psutil.cpu_percent()
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
            self._samples.append((datetime.now(UTC), psutil.cpu_percent() / 100))
