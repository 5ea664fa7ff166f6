"""The pulse: a process notes in the state folder, every few seconds, that its work goes on.

Read by `thoraq health` on the same machine, which asks no broker. Times are those since the
machine's start, which nobody sets.
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

#: A pulse is written no more often.
BEAT_SECONDS = 2.0
#: What was silent for longer was taken out of service; seconds.
_FORGOTTEN_SECONDS = 86_400.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Kind(StrEnum):
    """What has a pulse, and is asked for by this name."""

    SCHEDULER = "scheduler"
    WORKER = "worker"
    TRAIN = "train"
    WATCH = "watch"
    LISTEN = "listen"


@dataclass(frozen=True, slots=True)
class Beat:
    """What a process last noted of itself.

    ``name``: the process, the folder it watches or where it listens. ``at_seconds``: of this
    machine's uptime. ``limit_seconds``: silence that is no longer usual. ``idle_seconds``: for how
    long work waited and it took none.
    """

    kind: Kind
    name: str
    at_seconds: float
    limit_seconds: float
    idle_seconds: float = 0.0

    @property
    def silent_seconds(self) -> float:
        """How long ago that was."""
        return _uptime() - self.at_seconds

    @property
    def fault(self) -> str | None:
        """Return what is wrong with the process; None where its work goes on."""
        if self.silent_seconds > self.limit_seconds:
            return f"nothing has gone on for {self.silent_seconds:.0f} s"
        if self.idle_seconds > self.limit_seconds:
            return f"it has taken nothing for {self.idle_seconds:.0f} s, and work waits"
        return None


class Pulse:
    """Writes the pulse of one process."""

    def __init__(self, state: Path, kind: Kind, name: str, limit_seconds: float) -> None:
        self._folder = folder_of(state)
        digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:16]
        self._path = self._folder / f"{kind}-{digest}.json"
        self._kind, self._name, self._limit_seconds = kind, name, limit_seconds
        self._written_at = -BEAT_SECONDS
        self._is_mute = False

    def mute(self) -> None:
        """Leave the note to a process that goes on."""
        self._is_mute = True

    def beat(self, idle_seconds: float = 0.0) -> None:
        """Note that work goes on. A disk that takes nothing is passed over."""
        now = _uptime()
        if self._is_mute or now - self._written_at < BEAT_SECONDS / 2:
            return
        self._written_at = now
        beat = Beat(self._kind, self._name, now, self._limit_seconds, idle_seconds)
        half = self._path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            half.write_text(json.dumps(asdict(beat) | {"boot": _boot()}), encoding="utf-8")
            half.replace(self._path)

    def end(self) -> None:
        """Leave: what was stopped on purpose is not missed."""
        if self._is_mute:
            return
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def folder_of(state: Path) -> Path:
    """Return where the pulses of this host are kept: containers share a state folder."""
    name = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
    return state.absolute() / "pulse" / name


def read_beats(settings: Settings) -> Iterator[Beat]:
    """Yield what each process of this host last noted since the machine was started."""
    for path in sorted(folder_of(settings.state).glob("*.json")):
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            boot = held.pop("boot")
            beat = Beat(**held | {"kind": Kind(held["kind"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue  # gone by now, or not of our making
        if boot == _boot() and beat.silent_seconds < _FORGOTTEN_SECONDS:
            yield beat


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
