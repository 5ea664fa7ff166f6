"""The stack: broker, upkeep and workers of one machine, started and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from types import FrameType
from typing import Self

import structlog

from scheduler.app import create_app
from scheduler.broker import EmbeddedBroker, broker_url
from scheduler.cores import own_cores, usable_cores
from scheduler.errors import MISCONFIGURED, MemberFails
from scheduler.log_files import OWN_LOG, last_line, log_folder, open_log, rotate
from scheduler.settings import Settings, child_environment
from scheduler.tether import tethered_command

_log = structlog.stdlib.get_logger(__name__)

#: A worker finishes its device batch and returns the rest within seconds.
_STOP_SECONDS = 30.0
#: Each check of the broker costs milliseconds, which add up over a night.
_BROKER_PAUSE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
#: Give up after this many early exits in a row.
_DEATHS = 6
#: A process that lived this long did not exit early; its restart pause is reset.
_SOUND_SECONDS = 60.0
#: Pause between two checks of the log sizes.
_ROTATION_SECONDS = 2.0


@dataclass(slots=True)
class Member:
    """One process of the stack and its restarts."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    restarts: int = 0
    last_exit: int | None = None
    started_at: float = 0.0
    start_due_at: float = 0.0
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    early_deaths: int = 0

    @property
    def pid(self) -> int | None:
        """Process id; None while it is not running."""
        return self.process.pid if self.process is not None else None


def scheduler_command() -> list[str]:
    """Return the command that runs the scheduler."""
    return [sys.executable, "-m", "scheduler"]


def listener_command() -> list[str]:
    """Return the command that becomes the DICOM listener."""
    return [sys.executable, "-m", "pacs.listener"]


def worker_command(
    device: str,
    name: str | None = None,
    readers: int | None = None,
    *,
    core: int | None = None,
    queues: str = "measure",
) -> list[str]:
    """Return the command that runs a worker on ``device``: auto, cpu or cuda:N.

    ``core``: the only core for the worker and its readers. ``queues``: measure or training.
    """
    command = [sys.executable, "-m", "worker", "--device", device]
    command += ["--name", name] if name is not None else []
    command += ["--readers", str(readers)] if readers is not None else []
    command += ["--core", str(core)] if core is not None else []
    command += ["--queues", queues] if queues != "measure" else []
    return command


class Stack:
    """Runs broker, upkeep and a worker for each of ``devices``, which may repeat.

    ``training``: adds a training worker on the first device. ``listening``: the
    DICOM listener as well.

    Call `tend` about twice per second from the thread that called `start`; if that thread ends, all
    processes end.
    """

    def __init__(
        self,
        settings: Settings,
        devices: Sequence[str],
        *,
        training: bool = False,
        listening: bool = False,
    ) -> None:
        self._settings = settings
        self._broker = EmbeddedBroker(settings.state) if settings.broker_url is None else None
        self._broker_due_at = self._rotation_due_at = 0.0
        self.app = create_app(broker_url(settings))
        logs = log_folder(settings)
        readers = settings.readers or max(1, usable_cores() // max(1, len(devices)))
        upkeep = Member("upkeep", scheduler_command(), logs / "upkeep.log")
        cores = own_cores(len(devices)) if set(devices) == {"cpu"} else (None,) * len(devices)
        self.members: tuple[Member, ...] = (
            upkeep,
            *(
                Member(name, worker_command(device, name, readers, core=core), logs / f"{name}.log")
                for name, device, core in zip(_names(devices), devices, cores, strict=True)
            ),
        )
        if training:
            command = worker_command(devices[0], "training0", queues="training")
            self.members += (Member("training0", command, logs / "training0.log"),)
        if listening:
            self.members += (Member("listener", listener_command(), logs / "listener.log"),)

    def start(self) -> None:
        """Start the broker, then the others. Raises BrokerUnavailable, NoServerBinary."""
        log_folder(self._settings).mkdir(parents=True, exist_ok=True)
        if self._broker is not None:
            self._broker.start()
        for member in self.members:
            self._spawn(member)

    def tend(self) -> None:
        """Restart processes that died, after a pause that doubles while they keep dying.

        Raises MemberFails, BrokerUnavailable.
        """
        now = time.monotonic()
        if self._broker is not None and now >= self._broker_due_at:
            if not self._broker.running():
                # Ours died, or the broker of another command ended.
                self._broker.start()
            self._broker_due_at = now + _BROKER_PAUSE_SECONDS
        if now >= self._rotation_due_at:
            self._rotation_due_at = now + _ROTATION_SECONDS
            self._rotate()
        for member in self.members:
            if member.process is not None and member.process.poll() is not None:
                self._plan_restart(member, now)
            elif member.process is None and now >= member.start_due_at:
                member.restarts += 1
                self._spawn(member)

    def _plan_restart(self, member: Member, now: float) -> None:
        """Schedule the restart of a dead process. Raises MemberFails after too many early exits."""
        member.last_exit = member.process.returncode if member.process is not None else None
        member.process = None
        if now - member.started_at > _SOUND_SECONDS:
            member.early_deaths = 0
            member.pause_seconds = _FIRST_PAUSE_SECONDS
        member.early_deaths += 1
        member.start_due_at = now + member.pause_seconds
        member.pause_seconds = min(2 * member.pause_seconds, _LONGEST_PAUSE_SECONDS)
        _log.warning("a process exited", member=member.name, exit=member.last_exit)
        if member.last_exit == MISCONFIGURED or member.early_deaths >= _DEATHS:
            raise MemberFails.because(f"{member.name}: {last_line(member.log)} ({member.log})")

    def stop(self) -> None:
        """Stop all processes; workers finish or return their chunks."""
        for member in self.members:
            if member.process is not None:
                member.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for member in self.members:
            if member.process is not None:
                _end(member.process, max(0.0, deadline - time.monotonic()))
                member.last_exit = member.process.returncode
                member.process = None
        if self._broker is not None:
            self._broker.stop()

    def run(self) -> None:
        """Run until SIGINT or SIGTERM, then stop."""
        stop = threading.Event()

        def request_stop(number: int, frame: FrameType | None) -> None:
            del number, frame
            stop.set()

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, request_stop) for each in signals}
        try:
            with self:
                while not stop.wait(0.5):
                    self.tend()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _rotate(self) -> None:
        logs = [member.log for member in self.members]
        if self._broker is not None:
            logs.append(self._broker.log)  # the server opens it for each line
        most_bytes = self._settings.log_mb << 20
        for log in logs:
            try:
                rotate(log, most_bytes=most_bytes, files=self._settings.log_files)
            except OSError as exc:
                _log.warning("a log could not be rotated", log=log.name, error=type(exc).__name__)

    def _spawn(self, member: Member) -> None:
        log = open_log(member.log)
        try:
            member.process = subprocess.Popen(
                tethered_command(member.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(self._settings) | {OWN_LOG: str(member.log)},
                # Ctrl-C at a terminal reaches the whole group; the stack itself stops them.
                start_new_session=True,
            )
        finally:
            os.close(log)
        member.started_at = time.monotonic()


def _names(devices: Sequence[str]) -> list[str]:
    """Return names of workers: cpu0, cpu1; gpu0 for cuda:0, then gpu0b, gpu0c on that device."""
    names: list[str] = []
    for nth, device in enumerate(devices):
        before = devices[:nth].count(device)
        kind, _, index = device.partition(":")
        if kind == "cpu":
            names.append(f"cpu{before}")
        else:
            names.append(f"gpu{index or 0}" + (ascii_lowercase[before] if before else ""))
    return names


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()  # its files are requeued when its lease expires
        process.wait()
