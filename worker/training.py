"""A training run as a job: claimed, run from its last checkpoint, made into a model.

Torch is loaded by the first run, behind the fork.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from db.database import Database
from db.errors import DatabaseError
from db.models import register_model
from db.training_claims import (
    claim_run,
    end_cancelled,
    fail_run,
    finish_run,
    record_check,
    record_phase,
    release_run,
    renew_run,
)
from db.training_records import RunCheck, RunClaim, RunPhase
from network.errors import NetworkError
from scheduler.settings import Settings
from training.errors import TrainingError
from training.plan import Plan
from training.progress import Check, PhaseResult, PlanResult
from worker.errors import LeaseLost, RunCancelled, StopRequested
from worker.lease import Lease
from worker.stopping import Stopping

if TYPE_CHECKING:
    import torch

_log = structlog.stdlib.get_logger(__name__)

_DATABASE_PAUSE_SECONDS = 2.0


class Trainer:
    """Trains one run after the other on one device."""

    def __init__(self, settings: Settings, *, device: str, name: str, stopping: Stopping) -> None:
        self._settings = settings
        self._device = device
        self._name = name
        self._stopping = stopping
        self._database: Database | None = None

    def train(self, run_id: int) -> None:
        """Do one message; what it cannot finish stands in the database when it returns."""
        if self._database is None:
            self._database = Database.open(self._settings.database)
        database, seconds = self._database, self._settings.training_lease_seconds
        if self._stopping.is_set():
            return  # recovery sends it again
        claim = claim_run(database, run_id, self._name, self._device, seconds)
        if claim is None:
            return  # it came twice, or somebody was faster
        _log.info("training starts", name=claim.run.name, attempt=claim.run.attempts)
        watcher = _Watcher(database, claim, self._stopping, seconds)
        try:
            with watcher.lease:
                version = self._made(claim, watcher)
                watcher.patiently(lambda: finish_run(database, claim.owner, version))
            # Some hundred megabytes that nobody goes on from; the phases' weights stay.
            (self._folder(claim) / "checkpoint.pt").unlink(missing_ok=True)
        except LeaseLost:
            _log.warning("training went on elsewhere", name=claim.run.name)
        except RunCancelled:
            end_cancelled(database, claim.owner)
        except StopRequested:
            release_run(database, claim.owner)
        except (TrainingError, NetworkError, DatabaseError) as exc:
            _log.error("training failed", name=claim.run.name, code=exc.code)
            fail_run(database, claim.owner, exc.code, str(exc))
        except Exception as exc:  # noqa: BLE001
            # Nobody foresaw it, so every worker would end the same way: it waits for a person.
            _log.exception("training failed", name=claim.run.name)
            fail_run(database, claim.owner, TrainingError.code, f"{type(exc).__name__}: {exc}")
        _log.info("training ends", name=claim.run.name)

    def _folder(self, claim: RunClaim) -> Path:
        return self._settings.runs_folder / str(claim.run.id)

    def _made(self, claim: RunClaim, watcher: _Watcher) -> str | None:
        """Run the plan and make its model; return the model's version, if it makes one."""
        # Here, so that the parent, which forks, never loads torch.
        import torch  # noqa: PLC0415

        from training.pipeline import FIT_FILE, run_plan  # noqa: PLC0415

        run = claim.run
        plan = Plan.from_mapping(run.plan)
        folder = self._folder(claim)
        device = torch.device(self._device)
        result = run_plan(
            plan,
            Path(run.data),
            folder,
            device,
            watcher,
            start=None if run.start is None else Path(run.start),
            teachers=[Path(teacher) for teacher in run.teachers],
            checkpoint_seconds=self._settings.checkpoint_seconds,
            memory_share=self._settings.training_memory_share,
        )
        if plan.original:
            return None  # for comparison: it places no callipers and measures nothing
        fitted = json.loads((folder / FIT_FILE).read_text(encoding="utf-8"))
        return self._model(claim, watcher, result, fitted, device)

    def _model(
        self,
        claim: RunClaim,
        watcher: _Watcher,
        result: PlanResult,
        fitted: dict[str, object],
        device: torch.device,
    ) -> str:
        from training.release import make_model  # noqa: PLC0415 - as above

        run = claim.run
        made = make_model(
            result.weights,
            fitted,
            Path(run.data),
            self._settings.models_folder / run.name,
            run.name,
            parent=run.parent,
            device=str(device),
            checks=result.checks,
            phases=result.phases,
        )
        watcher.beat()
        watcher.patiently(
            lambda: register_model(
                watcher.database, made.version, made.weights_digest, made.card, serve=False
            )
        )
        return made.version


class _Watcher:
    """Tells the database how a run goes, and the run when to stop."""

    def __init__(
        self, database: Database, claim: RunClaim, stopping: Stopping, lease_seconds: float
    ) -> None:
        self.database = database
        self._owner = claim.owner
        self._stopping = stopping
        self._lease_seconds = lease_seconds
        self._cancelled = self._lost = False
        self.lease = Lease(self._renewed, lease_seconds)

    def beat(self) -> None:
        """Raise what is to end the run: LeaseLost, RunCancelled, StopRequested."""
        self.lease.check()
        if self._lost:
            raise LeaseLost(LeaseLost.__doc__)
        if self._cancelled:
            raise RunCancelled(RunCancelled.__doc__)
        if self._stopping.is_set():
            raise StopRequested(StopRequested.__doc__)

    def checked(self, check: Check) -> None:
        """Store where the run stands; a cancel is heard of at once."""
        self.patiently(lambda: record_check(self.database, self._owner, RunCheck(**asdict(check))))
        self.patiently(self._renewed)

    def phase_ended(self, result: PhaseResult) -> None:
        """Store how a phase ended."""
        self.patiently(lambda: record_phase(self.database, self._owner, RunPhase(**asdict(result))))

    def patiently(self, store: Callable[[], object]) -> None:
        """Store, waiting for a database that is away for as long as the run may go on."""
        while True:
            try:
                store()
            except DatabaseError as exc:
                if exc.permanent:
                    raise
                _log.warning("the database is away", code=exc.code)
                self.beat()
                time.sleep(_DATABASE_PAUSE_SECONDS)
            else:
                return

    def _renewed(self) -> bool:
        hold = renew_run(self.database, self._owner, self._lease_seconds)
        self._cancelled = self._cancelled or hold.cancel_requested
        self._lost = self._lost or not hold.held
        return hold.held
