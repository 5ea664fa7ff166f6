"""A training run as a job: claimed, resumed from its last checkpoint, registered as a model.

Torch is loaded by the first run, after the fork. If a run ends early, its row has its state and its
folder the checkpoint from which any worker can resume it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from db.database import Database
from db.errors import DatabaseError, ModelDiffers
from db.training.claims import (
    claim_run,
    end_cancelled,
    fail_run,
    finish_run,
    finish_with_model,
    release_run,
)
from db.training.records import RunClaim, TrainingRun
from db.training.recovery import set_back_run
from network.errors import NetworkError
from radiograph.errors import ThoraqError
from scheduler.archive import open_database
from scheduler.database_wait import until_answered
from scheduler.networks import network_folder
from scheduler.roots import allowed_path
from scheduler.settings import Settings
from training.errors import RunTaken, TrainingError
from training.plan import Plan
from worker.breaker import Breaker
from worker.errors import (
    FRESH_START,
    DeviceFailed,
    PathForbidden,
    RunCancelled,
    RunFilesFailed,
    StopRequested,
    TrainingFailed,
    WorkerError,
)
from worker.run_watcher import RunWatcher
from worker.stop_signal import StopSignal

_log = structlog.stdlib.get_logger(__name__)

#: What ends a run, or the worker's part in it.
_ENDS = (RunTaken, WorkerError, TrainingError, NetworkError, DatabaseError, PathForbidden)


class Trainer:
    """Trains runs on one device; ``place`` is the device's name on this machine."""

    def __init__(
        self, settings: Settings, *, device: str, place: str, name: str, stopping: StopSignal
    ) -> None:
        self._settings = settings
        self._device = device
        self._place = place
        self._name = name
        self._stopping = stopping
        self._breaker = Breaker()
        self._database: Database | None = None

    def train(self, run_id: int) -> None:
        """Process a message; an unfinished run is recorded in the database.

        Raises DatabaseError if this machine is not set up for it.
        """
        if self._database is None:
            self._database = open_database(self._settings)
        database, seconds = self._database, self._settings.training_lease_seconds
        claim = self._claim(database, run_id)
        if claim is None:
            return  # it came twice, or somebody was faster
        _log.info("training starts", attempt=claim.run.attempts)
        watcher = RunWatcher(database, claim.owner, self._stopping, seconds)
        setback: WorkerError | None = None
        with watcher.lease:
            try:
                end = self._finish(database, claim, watcher)
                code = None
            except _ENDS as exc:
                code = exc.code
                end = _end_by(exc, database, claim.owner)
                setback = exc if isinstance(exc, (DeviceFailed, RunFilesFailed)) else None
            try:
                watcher.settle(end)
            except ModelDiffers as exc:
                code = exc.code
                watcher.settle(_end_by(exc, database, claim.owner))
        _log.info("training ends", code=code)
        if setback is None:
            self._breaker.succeed()
        else:
            self._recover(setback)

    def pause(self, code: str) -> None:
        """Wait before the next message; other workers may take the run meanwhile."""
        seconds = self._breaker.pause_seconds()
        _log.error("the worker pauses", code=code, seconds=seconds)
        self._stopping.wait(seconds)

    def _claim(self, database: Database, run_id: int) -> RunClaim | None:
        """Claim a run, waiting for the database; None: it is not ours. Raises DatabaseError."""
        seconds = self._settings.training_lease_seconds
        try:
            return until_answered(
                lambda: claim_run(database, run_id, self._name, self._place, seconds),
                self._stopping.pause,
            )
        except StopRequested:
            return None  # upkeep sends it again

    def _recover(self, setback: WorkerError) -> None:
        self.pause(setback.code)
        if isinstance(setback, DeviceFailed):
            # A device that failed stays broken for its process; the parent starts another.
            os._exit(FRESH_START)

    def _finish(
        self, database: Database, claim: RunClaim, watcher: RunWatcher
    ) -> Callable[[], object]:
        """Finish a run; return the function that records its end in the database.

        Raises TrainingError, NetworkError, WorkerError, DatabaseError.
        """
        try:
            watcher.beat()
            return self._trained(database, claim, watcher)
        except NetworkError as exc:
            if exc.permanent:
                raise
            # Memory that its neighbours hold, or a device that is gone: the phases stand on disk.
            raise DeviceFailed(str(exc)) from exc
        except (TrainingError, WorkerError, DatabaseError, PathForbidden):
            raise
        except OSError as exc:
            _log.exception("the run's files fail")
            raise RunFilesFailed.because(exc) from exc
        except Exception as exc:
            _log.exception("training fails")
            if isinstance(exc, RuntimeError) and self._device != "cpu":
                # What torch raises for a device that fails.
                raise DeviceFailed.because(type(exc).__name__) from exc
            # Every worker would end the same way: it waits for a person.
            raise TrainingFailed.because(f"{type(exc).__name__}: {exc}") from exc

    def _trained(
        self, database: Database, claim: RunClaim, watcher: RunWatcher
    ) -> Callable[[], object]:
        # Here, so that the parent, which forks, never loads torch.
        import torch  # noqa: PLC0415

        from training.fit.checkpoint import drop_checkpoints  # noqa: PLC0415
        from training.fit.run import FIT_FILE, run_plan  # noqa: PLC0415
        from training.release import release_model  # noqa: PLC0415

        run, folder = claim.run, run_folder(self._settings, claim.run)
        data = allowed_path(Path(run.data), self._settings.allowed_roots)
        if data is None:
            raise PathForbidden.about(run.data)
        plan = Plan.from_mapping(run.plan)
        result = run_plan(
            plan,
            data,
            folder,
            torch.device(self._device),
            watcher,
            start=None if run.start is None else Path(run.start),
            teachers=[Path(teacher) for teacher in run.teachers],
            checkpoint_seconds=self._settings.checkpoint_seconds,
            memory_share=self._settings.training_memory_share,
        )
        finish = partial(finish_run, database, claim.owner, None)
        if not plan.original:  # which is for comparison: it places no callipers, measures nothing
            made = release_model(
                result.weights,
                json.loads((folder / FIT_FILE).read_text(encoding="utf-8")),
                data,
                network_folder(run.name, self._settings),
                run.name,
                parent=run.parent,
                device=self._device,
                checks=result.checks,
                phases=result.phases,
                beat=watcher.beat,
            )
            finish = partial(
                finish_with_model,
                database,
                claim.owner,
                made.version,
                made.weights_digest,
                made.card,
            )

        def end() -> None:
            if finish():
                # Some hundred megabytes; the phases' weights stay.
                drop_checkpoints(folder)

        return end


def run_folder(settings: Settings, run: TrainingRun) -> Path:
    """Return the folder of a run's files; runs of another database have other folders."""
    return settings.runs_folder / f"{run.created_at:%Y%m%d-%H%M%S}-{run.id}"


def _end_by(error: ThoraqError, database: Database, owner: str) -> Callable[[], object]:
    """Return the function that records in the database that ``error`` ended a run."""
    code, detail = error.code, str(error)
    match error:
        case RunTaken():
            return lambda: None
        case RunCancelled():
            return partial(end_cancelled, database, owner)
        case StopRequested():
            return partial(release_run, database, owner)
        case DeviceFailed() | RunFilesFailed():
            return partial(set_back_run, database, owner, code, detail)
        case _:
            return partial(fail_run, database, owner, code, detail)
