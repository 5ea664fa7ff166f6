"""A worker child's session: resources opened on first use, after the fork."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from db.claims import claim_chunk, release, renew_lease, store_outcomes
from db.database import Database
from db.errors import DatabaseError
from db.models import registered_digest
from db.records import Claim, Outcome, RetryPolicy
from scheduler.archive import open_database
from scheduler.database_wait import until_answered
from scheduler.settings import Settings
from worker.announcer import Announcer
from worker.breaker import Breaker
from worker.chunk import ChunkAtWork
from worker.errors import FRESH_START, DeviceFailed, LeaseLost, StopRequested, WorkerError
from worker.lease import Lease
from worker.limits import read_limits
from worker.machine import Machine
from worker.networks import Networks
from worker.outcomes import store_apart
from worker.pipeline import Pipeline
from worker.readers.pool import Readers
from worker.stop_signal import StopSignal

_log = structlog.stdlib.get_logger(__name__)

#: A stack that stops its workers kills what is left after 30 s.
_LONGEST_END_SECONDS = 20.0


class Session:
    """Measures chunks on one device."""

    def __init__(
        self,
        settings: Settings,
        *,
        device: str,
        name: str,
        readers: int,
        stopping: StopSignal,
        announcer: Announcer,
    ) -> None:
        self._announcer = announcer
        self._settings = settings
        self._name = name
        self._reader_count = readers
        self._stopping = stopping
        self._breaker = Breaker()
        self._database: Database | None = None
        self._pipeline: Pipeline | None = None
        self._networks = Networks(settings, device=device, name=name)

    def measure(self, chunk_id: int, task_id: str) -> str | None:
        """Process a message until the next one should come; its chunk may end later.

        Return how it ended; None: announced once its chunk is stored.

        Raises StopRequested if the message is for another worker, DatabaseError and
        SchedulerError if this machine is not set up for it.
        """
        database = self._opened()
        pipeline = self._carrying()  # its readers start beside the network
        self._networks.warm_up()
        claim = self._claim(database, chunk_id)
        if claim is None:
            return "no jobs left"  # the message came twice, or another worker was faster
        self._announcer.begin(task_id, claim)
        structlog.contextvars.bind_contextvars(batch=claim.batch)
        seconds = self._settings.lease_seconds
        lease = Lease(lambda: renew_lease(database, claim.owner, seconds) > 0, seconds)
        lease.start()

        def check() -> None:
            lease.check()
            if self._stopping.is_set():
                raise StopRequested

        try:
            measurement = self._networks.measurement(
                claim.model_version, partial(registered_digest, database)
            )
        except BaseException as exc:  # otherwise the lease would be renewed forever
            lease.end()
            release(database, claim.owner)
            if isinstance(exc, WorkerError):
                self._recover(exc)
                return f"{exc.code}: queued again"
            raise
        try:
            pipeline.carry(ChunkAtWork(claim, lease, measurement, task_id), check)
        except LeaseLost:
            return None
        except StopRequested:
            self.close()
        except WorkerError as exc:
            pipeline.drain(_LONGEST_END_SECONDS)
            self._recover(exc)
        except SystemExit:
            self.close()
            raise
        return None

    def pause(self, code: str) -> None:
        """Wait before the next message, as this machine would fail it.

        The pause grows each time, so that other workers take nearly all messages.
        """
        seconds = self._breaker.pause_seconds()
        _log.error("the worker pauses", code=code, seconds=seconds)
        self._stopping.wait(seconds)

    def close(self) -> None:
        """Store what is done and release the rest; anything left is requeued after its lease."""
        if self._pipeline is not None:
            self._pipeline.give_back(StopRequested())
            self._pipeline.drain(_LONGEST_END_SECONDS)

    def _end(self, chunk: ChunkAtWork) -> None:
        """Store a chunk's outcomes while its lease is renewed."""
        claim = chunk.claim
        # This thread is not the one that took the message.
        with bound_contextvars(batch=claim.batch, chunk=claim.chunk_id):
            self._store_chunk(chunk)

    def _store_chunk(self, chunk: ChunkAtWork) -> None:
        stored, failure = 0, chunk.failure
        code = None if failure is None else failure.code
        try:
            stored = self._store(chunk.claim, chunk.outcomes)
            if failure is not None:
                release(self._opened(), chunk.claim.owner)
        except (DatabaseError, StopRequested) as exc:
            # Its lease ends, and what it held comes back.
            _log.warning("a chunk could not be stored", code=exc.code)
            code = exc.code
        finally:
            chunk.lease.end()
        for job, refusal in chunk.refused():
            _log.info(
                "not measured", job=job.job_id, radiograph=job.radiograph_id, code=refusal.code
            )
        seconds = round(time.monotonic() - chunk.began, 3)
        if chunk.task_id is not None:
            self._announcer.end(chunk.task_id, chunk, seconds, code)
        _log.info(
            "chunk",
            jobs=len(chunk.claim.jobs),
            stored=stored,
            **chunk.counts(),
            seconds=seconds,
            code=code,
        )
        if failure is None:
            self._breaker.succeed()

    def _recover(self, failure: WorkerError) -> None:
        """Pause, so that other workers can claim what was released."""
        self.pause(failure.code)
        if isinstance(failure, DeviceFailed):
            # A device that failed stays broken for its process; the parent starts another.
            os._exit(FRESH_START)

    def _opened(self) -> Database:
        if self._database is None:
            self._database = open_database(self._settings)
        return self._database

    def _carrying(self) -> Pipeline:
        if self._pipeline is None:
            readers = self._reading()
            machine = Machine(readers, self._breaker, self._settings.min_side_px)
            self._pipeline = Pipeline(readers, machine, self._end)
        return self._pipeline

    def _reading(self) -> Readers:
        return Readers(
            self._reader_count,
            read_limits(self._settings),
            timeout_seconds=self._settings.read_timeout_seconds,
            memory_mb=self._settings.read_memory_mb,
            roots=self._settings.allowed_roots,
        )

    def _claim(self, database: Database, chunk_id: int) -> Claim | None:
        """Claim a chunk, waiting for the database. Raises StopRequested, DatabaseError."""
        seconds = self._settings.lease_seconds
        return until_answered(
            lambda: claim_chunk(database, chunk_id, self._name, seconds), self._stopping.pause
        )

    def _store(self, claim: Claim, done: Sequence[Outcome]) -> int:
        """Store what is done, waiting for the database. Raises StopRequested, DatabaseError."""
        policy = RetryPolicy(self._settings.max_attempts, self._settings.retry_seconds)

        def store(some: Sequence[Outcome]) -> int:
            return store_outcomes(self._opened(), claim.owner, some, self._name, policy)

        if not done:
            return 0
        return until_answered(lambda: store_apart(done, store), self._stopping.pause)
