"""Records of the files that failed or were set aside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.states import JobState

#: How a file may end without a measurement and without being cancelled.
FAILURE_STATES = (JobState.FAILED, JobState.SET_ASIDE)


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures to read; None leaves a condition out."""

    batch: str | None = None
    states: tuple[JobState, ...] = FAILURE_STATES
    codes: tuple[str, ...] | None = None
    path: str | None = None  # part of it, or all; also as it was before a watch moved the file
    since: datetime | None = None  # ended at or after
    until: datetime | None = None
    limit: int | None = None  # only the newest


@dataclass(frozen=True, slots=True)
class Failure:
    """One file that failed or was set aside, by a worker or at intake."""

    batch: str
    path: str  # where it is now
    state: JobState
    code: str | None
    detail: str | None
    attempts: int  # 0: refused at intake
    radiograph_id: int | None
    duplicate: bool  # the ledger counts another file with the same content
    ended_at: datetime
