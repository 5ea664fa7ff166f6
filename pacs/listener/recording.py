"""Recording: objects of all associations share transactions, and each waits for its own.

A commit waits for the disk; with eight senders one serves eight objects.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import structlog
from celery import Celery

from db.database import Database
from db.errors import BatchUnknown
from db.intake import open_batch
from db.records import SeenFile
from db.states import Priority
from radiograph.errors import ThoraqError
from scheduler.intake.submission import Intake
from scheduler.relay import relay
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: A broker that did not answer is asked again after this time.
_BROKER_PAUSE_SECONDS = 30.0
#: A broker that answers has taken what is due within this time; the upkeep sends the rest.
_LAST_SEND_SECONDS = 2.0
#: Objects of one transaction at most.
_MOST = 64

_Kind = tuple[str, Priority]
_Waiting = tuple[_Kind, SeenFile, "Future[None]"]


class Recorder:
    """Writes received objects into their batches, from one thread; another sends their chunks."""

    def __init__(self, database: Database, settings: Settings, app: Celery | None) -> None:
        self._database = database
        self._settings = settings
        self._app = app
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue()
        self._intakes: dict[_Kind, Intake] = {}
        self._queued, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._sending = threading.Thread(target=self._send, name="relay", daemon=True)

    def start(self) -> None:
        """Begin to record."""
        self._thread.start()
        self._sending.start()

    def stop(self) -> None:
        """Record what waits, and end."""
        self._waiting.put(None)
        self._thread.join()
        self._ended.set()
        self._queued.set()
        self._sending.join(_LAST_SEND_SECONDS)

    def record(self, batch: str, priority: Priority, seen: SeenFile) -> None:
        """Record an object, and return once that is committed. Raises ThoraqError."""
        done: Future[None] = Future()
        self._waiting.put(((batch, priority), seen, done))
        done.result()

    def _run(self) -> None:
        ended = False
        while not ended:
            taken = [self._waiting.get()]
            while len(taken) < _MOST:
                try:
                    taken.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            ended = None in taken
            kinds: dict[_Kind, list[tuple[SeenFile, Future[None]]]] = {}
            for each in taken:
                if each is not None:
                    kinds.setdefault(each[0], []).append(each[1:])
            for kind, some in kinds.items():
                self._write(kind, some)
            self._queued.set()

    def _write(self, kind: _Kind, some: Sequence[tuple[SeenFile, Future[None]]]) -> None:
        try:
            self._record(kind, [seen for seen, _ in some])
        except BaseException as exc:  # noqa: BLE001 - raised again where each is waited for
            for _, done in some:
                done.set_exception(exc)
        else:
            for _, done in some:
                done.set_result(None)

    def _record(self, kind: _Kind, seen: Sequence[SeenFile]) -> None:
        try:
            self._intake(kind).record(seen)
        except BatchUnknown:  # it was forgotten: what comes from now on makes it anew
            del self._intakes[kind]
            self._intake(kind).record(seen)

    def _intake(self, kind: _Kind) -> Intake:
        if kind not in self._intakes:
            name, priority = kind
            batch = open_batch(self._database, name, priority)
            # A batch keeps the priority it was made with; what is urgent overtakes all the same.
            batch = replace(batch, priority=priority)
            self._intakes[kind] = Intake(self._database, batch, self._settings)
        return self._intakes[kind]

    def _send(self) -> None:
        """Send what was queued; senders wait neither for a broker nor for one that is away."""
        while not self._ended.is_set():
            self._queued.wait()
            self._queued.clear()
            if self._app is None:
                return  # the upkeep does it
            try:
                relay(self._database, self._app)
            except ThoraqError as exc:
                _log.warning("chunks wait in the database", code=exc.code)
                self._ended.wait(_BROKER_PAUSE_SECONDS)
