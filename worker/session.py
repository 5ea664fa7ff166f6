"""A child's session: what is opened once, on first use, behind the fork."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from db.claims import claim_chunk, release, renew_lease, store_outcomes
from db.database import Database
from db.errors import DatabaseError
from db.records import Claim, Outcome, RetryPolicy
from network.card import ModelCard, load_card, shipped_card
from network.errors import CardInvalid
from radiograph.reading import ReadLimits
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from worker.breaker import Breaker
from worker.device import Device, load_predictor
from worker.errors import DeviceFailed, ModelUnavailable, StopRequested, WorkerError
from worker.lease import Lease
from worker.pipeline import Circumstances, Pipeline
from worker.readers import Readers
from worker.stopping import Stopping

_log = structlog.stdlib.get_logger(__name__)

#: Pause before asking a database that is away again.
_DATABASE_PAUSE_SECONDS = 2.0
#: EX_TEMPFAIL of sysexits.h: what a child says that ends so that its successor gets a fresh device.
_FRESH_START = 75


class Session:
    """Measures chunks, one after the other, on one device."""

    def __init__(
        self, settings: Settings, *, device: str, name: str, readers: int, stopping: Stopping
    ) -> None:
        self._settings = settings
        self._device_name = device
        self._name = name
        self._reader_count = readers
        self._stopping = stopping
        self._breaker = Breaker()
        self._database: Database | None = None
        self._readers: Readers | None = None
        self._pipelines: dict[str, Pipeline] = {}

    def measure(self, chunk_id: int) -> None:
        """Do one message. Raises StopRequested where it has to wait for another worker."""
        database = self._opened()
        self._warm_up()
        claim = self._claim(database, chunk_id)
        if claim is None:
            return  # it came twice, or somebody was faster
        started = time.monotonic()
        done: list[Outcome] = []
        seconds = self._settings.lease_seconds
        with Lease(lambda: renew_lease(database, claim.owner, seconds) > 0, seconds) as lease:

            def check() -> None:
                lease.check()
                if self._stopping.is_set():
                    raise StopRequested(StopRequested.__doc__)

            failure: WorkerError | None = None
            try:
                self._pipeline(claim.model_version).measure(claim, done, check)
            except WorkerError as exc:
                failure = exc
            except SystemExit:
                release(database, claim.owner)
                raise
            stored = self._store(database, claim, done)
            if failure is not None:
                release(database, claim.owner)
        _log.info(
            "chunk",
            jobs=len(claim.jobs),
            stored=stored,
            seconds=round(time.monotonic() - started, 3),
            code=None if failure is None else failure.code,
        )
        if failure is None:
            self._breaker.succeed()
        elif not isinstance(failure, StopRequested):
            self._recover(failure)

    def _recover(self, failure: WorkerError) -> None:
        """Pause; what the worker gave back others may take meanwhile."""
        seconds = self._breaker.pause_seconds()
        _log.error("the worker pauses", code=failure.code, seconds=seconds)
        self._stopping.wait(seconds)
        if isinstance(failure, DeviceFailed):
            # A device that failed stays broken for its process; the parent starts another.
            os._exit(_FRESH_START)

    def _opened(self) -> Database:
        if self._database is None:
            self._database = Database.open(self._settings.database)
        return self._database

    def _warm_up(self) -> None:
        """Load what the first chunk most likely needs before its lease begins to run."""
        if self._pipelines:
            return
        try:
            self._pipeline(shipped_card().version)
        except (CardInvalid, WorkerError) as exc:
            # The chunk's own network may be another; if not, the claim will tell.
            _log.warning("the shipped network does not load", code=exc.code)

    def _pipeline(self, model_version: str) -> Pipeline:
        if model_version not in self._pipelines:
            card = self._card(model_version)
            device = Device(
                load_predictor(card, self._device_name, self._settings.runtime),
                self._settings.device_batch,
            )
            self._pipelines[model_version] = Pipeline(
                Circumstances(
                    worker=self._name,
                    code_version=_code_version(),
                    thresholds=self._settings.ict_thresholds,
                    min_side_px=self._settings.min_side_px,
                    pseudonyms=Pseudonyms.of(self._settings),
                ),
                card,
                device,
                self._reading(),
                self._breaker,
            )
        return self._pipelines[model_version]

    def _card(self, model_version: str) -> ModelCard:
        """Return the card of a version: the shipped one's, else one in the folder of models."""
        try:
            shipped = shipped_card()
            if shipped.version == model_version:
                return shipped
            return load_card(self._settings.models_folder / Path(model_version).name / "card.json")
        except CardInvalid as exc:
            raise ModelUnavailable(f"{model_version}. {ModelUnavailable.__doc__}") from exc

    def _reading(self) -> Readers:
        if self._readers is None:
            self._readers = Readers(
                self._reader_count,
                ReadLimits(
                    max_file_bytes=self._settings.max_file_mb << 20,
                    max_pixels=self._settings.max_megapixels * 1_000_000,
                    min_side_px=self._settings.min_side_px,
                ),
                timeout_seconds=self._settings.read_timeout_seconds,
                memory_mb=self._settings.read_memory_mb,
                roots=self._settings.allowed_roots,
            )
        return self._readers

    def _claim(self, database: Database, chunk_id: int) -> Claim | None:
        """Claim a chunk, waiting for the database. Raises StopRequested, DatabaseError."""
        while True:
            try:
                return claim_chunk(database, chunk_id, self._name, self._settings.lease_seconds)
            except DatabaseError as exc:
                self._wait_for_database(exc)

    def _store(self, database: Database, claim: Claim, done: list[Outcome]) -> int:
        """Store what is done; the lease goes on meanwhile. Raises StopRequested, DatabaseError."""
        policy = RetryPolicy(self._settings.max_attempts, self._settings.retry_seconds)
        while done:
            try:
                return store_outcomes(database, claim.owner, done, self._name, policy)
            except DatabaseError as exc:
                self._wait_for_database(exc)
        return 0

    def _wait_for_database(self, error: DatabaseError) -> None:
        if error.permanent:
            raise error
        _log.warning("the database is away", code=error.code)
        if self._stopping.wait(_DATABASE_PAUSE_SECONDS):
            raise StopRequested(StopRequested.__doc__) from error


def _code_version() -> str:
    try:
        return version("thoraq")
    except PackageNotFoundError:
        return "unpackaged"
