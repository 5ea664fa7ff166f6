"""The stack: broker, upkeep and workers of one machine, started together and ended together."""

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
from types import FrameType, TracebackType
from typing import Self

import structlog

from scheduler.app import create_app
from scheduler.broker import EmbeddedBroker, broker_url
from scheduler.cores import own_cores, usable_cores
from scheduler.errors import MISCONFIGURED, MemberFails
from scheduler.log_files import OWN_LOG, last_line, log_folder, open_log, rotate
from scheduler.settings import Settings, child_environment
from scheduler.tether import tethered

_log = structlog.stdlib.get_logger(__name__)

#: A worker finishes its batch and gives the rest back within seconds.
_STOP_SECONDS = 30.0
#: To ask the broker whether it is there takes milliseconds, which add up over a night.
_BROKER_PAUSE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
#: Whoever ends this often without having lived so long will not do better the next time.
_DEATHS = 6
#: Whoever lived this long is restarted as if for the first time.
_SOUND_SECONDS = 60.0
#: Between two looks at the sizes of the logs.
_ROTATION_SECONDS = 2.0


@dataclass(slots=True)
class Member:
    """One process of the stack and how it has fared."""

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
        """Process id, None while it is down."""
        return self.process.pid if self.process is not None else None


def scheduler_command() -> list[str]:
    """Return the command that becomes the scheduler."""
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
    """Return the command that becomes the worker on ``device``: auto, cpu or cuda:N.

    ``core``: the only one it may use, with its readers. ``queues``: measure or training.
    """
    command = [sys.executable, "-m", "worker", "--device", device]
    command += ["--name", name] if name is not None else []
    command += ["--readers", str(readers)] if readers is not None else []
    command += ["--core", str(core)] if core is not None else []
    command += ["--queues", queues] if queues != "measure" else []
    return command


class Stack:
    """Runs what a machine needs to measure: a worker for each of ``devices``, which may repeat.

    ``training``: one more, which trains on the first of them beside measuring. ``listening``: the
    DICOM listener as well.

    Call `tend` about twice a second from the thread that called `start`; its end ends them all.
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
        """Restart whoever died, after a pause that doubles while they keep dying.

        Raises MemberFails, BrokerUnavailable.
        """
        now = time.monotonic()
        if self._broker is not None and now >= self._broker_due_at:
            if not self._broker.running():
                # Ours died, or that of another command ended with it.
                self._broker.start()
            self._broker_due_at = now + _BROKER_PAUSE_SECONDS
        if now >= self._rotation_due_at:
            self._rotation_due_at = now + _ROTATION_SECONDS
            self._rotate()
        for member in self.members:
            if member.process is not None and member.process.poll() is not None:
                self._mourn(member, now)
            elif member.process is None and now >= member.start_due_at:
                member.restarts += 1
                self._spawn(member)

    def _mourn(self, member: Member, now: float) -> None:
        """Plan a dead member's return. Raises MemberFails where there is no point in it."""
        member.last_exit = member.process.returncode if member.process is not None else None
        member.process = None
        if now - member.started_at > _SOUND_SECONDS:
            member.early_deaths = 0
            member.pause_seconds = _FIRST_PAUSE_SECONDS
        member.early_deaths += 1
        member.start_due_at = now + member.pause_seconds
        member.pause_seconds = min(2 * member.pause_seconds, _LONGEST_PAUSE_SECONDS)
        _log.warning("a member stopped", member=member.name, exit=member.last_exit)
        if member.last_exit == MISCONFIGURED or member.early_deaths >= _DEATHS:
            raise MemberFails.because(f"{member.name}: {last_line(member.log)} ({member.log})")

    def stop(self) -> None:
        """End everything this stack started; chunks at work are finished or given back."""
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
        """Tend until SIGINT or SIGTERM, then stop."""
        asked = threading.Event()

        def ask(number: int, frame: FrameType | None) -> None:
            del number, frame
            asked.set()

        before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self:
                while not asked.wait(0.5):
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
                tethered(member.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(self._settings) | {OWN_LOG: str(member.log)},
                # Ctrl-C at a terminal reaches its whole group; only we decide who stops when.
                start_new_session=True,
            )
        finally:
            os.close(log)
        member.started_at = time.monotonic()


def _names(devices: Sequence[str]) -> list[str]:
    """Name the workers: cpu0, cpu1; gpu0 for cuda:0, and gpu0b, gpu0c for others that share it."""
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
        process.kill()  # what it held comes back when its lease ends
        process.wait()
