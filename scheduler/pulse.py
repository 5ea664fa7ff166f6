"""The pulse: a process records in the state folder, every few seconds, that its work progresses.

It is read by `thoraq health` on the same machine, without a broker. Times are seconds of uptime,
which clock changes do not affect.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from scheduler.settings import Settings

#: Shortest time between two writes.
BEAT_SECONDS = 2.0
#: Processes silent for longer are ignored as taken out of service.
_FORGOTTEN_SECONDS = 86_400.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class PulseKind(StrEnum):
    """Kinds of processes with a pulse."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    TRAIN = "train"
    WATCH = "watch"
    LISTEN = "listen"


@dataclass(frozen=True, slots=True)
class Beat:
    """The last record of a process.

    ``name``: the process, the folder it watches or the address it listens on. ``at_seconds``: of
    this machine's uptime. ``limit_seconds``: silence after which it is unhealthy.
    ``idle_seconds``: for how long it has taken nothing although work was waiting.
    ``child_seconds``: for how long the child that does its tasks has not run.
    """

    kind: PulseKind
    name: str
    at_seconds: float
    limit_seconds: float
    idle_seconds: float = 0.0
    child_seconds: float = 0.0

    @property
    def silent_seconds(self) -> float:
        """Seconds since the record."""
        return _uptime() - self.at_seconds

    @property
    def fault(self) -> str | None:
        """What is wrong with the process; None if its work progresses."""
        if self.silent_seconds > self.limit_seconds:
            return f"no progress for {self.silent_seconds:.0f} s"
        if self.child_seconds > self.limit_seconds:
            return f"its child process has not run for {self.child_seconds:.0f} s"
        if self.idle_seconds > self.limit_seconds:
            return f"took nothing for {self.idle_seconds:.0f} s although work is waiting"
        return None


class Pulse:
    """Writes the pulse of one process."""

    def __init__(self, state: Path, kind: PulseKind, name: str, limit_seconds: float) -> None:
        self._folder = folder_of(state)
        digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]
        self._path = self._folder / f"{kind}-{digest}.json"
        self._kind, self._name, self._limit_seconds = kind, name, limit_seconds
        self._written_at = -BEAT_SECONDS
        self._is_mute = False

    def mute(self) -> None:
        """Leave the record to another process of the same name."""
        self._is_mute = True

    def beat(self, idle_seconds: float = 0.0, child_seconds: float = 0.0) -> None:
        """Record that work progresses. Write errors are ignored."""
        now = _uptime()
        if self._is_mute or now - self._written_at < BEAT_SECONDS / 2:
            return
        self._written_at = now
        beat = Beat(self._kind, self._name, now, self._limit_seconds, idle_seconds, child_seconds)
        half = self._path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(asdict(beat) | {"boot": _boot()}), encoding="utf-8")
            half.replace(self._path)

    def end(self) -> None:
        """Remove the record: a process stopped on purpose is not missing."""
        if self._is_mute:
            return
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def folder_of(state: Path) -> Path:
    """Return the folder of this host's pulses; containers may share a state folder."""
    name = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
    return state.absolute() / "pulse" / name


def read_beats(settings: Settings) -> Iterator[Beat]:
    """Yield the last record of each process of this host since the machine was started."""
    for path in sorted(folder_of(settings.state).glob("*.json")):
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            boot = held.pop("boot")
            beat = Beat(**held | {"kind": PulseKind(held["kind"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue  # removed meanwhile, or not written by thoraq
        if boot == _boot() and beat.silent_seconds < _FORGOTTEN_SECONDS:
            yield beat


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
