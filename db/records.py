"""Records that enter and leave the database folder; no ORM row crosses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from db.derivation_records import IctCount
from db.states import JobState, Place, Priority
from radiograph.errors import Disposition, RadiographError
from radiograph.instance import Instance
from radiograph.records import Bucket, Header, ImageFormat, Measurement

# ---- intake -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a directory listing says of a file; two equal stats are taken for the same file."""

    path: str  # absolute, decoded with surrogateescape
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file was not queued, or a job not measured."""

    code: str
    detail: str
    disposition: Disposition
    permanent: bool = True

    @classmethod
    def of(cls, error: RadiographError) -> Self:
        """Return what is recorded of the error that a file ended with."""
        return cls(error.code, str(error), error.disposition, error.permanent)


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file met by the intake: hashed and recognised, or refused."""

    stat: FileStat
    sha256: str | None = None
    format: ImageFormat | None = None
    refusal: Refusal | None = None
    instance: Instance | None = None  # of DICOM, where its elements can be followed

    @property
    def identity(self) -> str | None:
        """The digest by which its content is known."""
        return self.sha256 if self.instance is None else self.instance.digest


@dataclass(frozen=True, slots=True)
class Batch:
    """One submission; submitting the same name again goes on with it."""

    id: int
    name: str
    priority: Priority
    created_at: datetime
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IntakeCount:
    """What recording a set of files did."""

    seen: int = 0
    queued: int = 0
    duplicates: int = 0
    refused: int = 0
    known: int = 0  # recorded in this batch before
    reopened: int = 0  # failed in this batch for not being readable, and no longer do

    def __add__(self, more: IntakeCount) -> IntakeCount:
        """Both together."""
        return IntakeCount(
            seen=self.seen + more.seen,
            queued=self.queued + more.queued,
            duplicates=self.duplicates + more.duplicates,
            refused=self.refused + more.refused,
            known=self.known + more.known,
            reopened=self.reopened + more.reopened,
        )


@dataclass(frozen=True, slots=True)
class EndedFile:
    """A file that has ended and lies where it was seen. ``sha256``: None if it was refused."""

    id: int
    stat: FileStat
    wanted: Place  # done or failed
    sha256: str | None
    code: str | None  # why it was not measured
    detail: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that was put away."""

    id: int
    path: str  # where it lies now, or lay last
    place: Place


# ---- the queue ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChunkMessage:
    """A chunk to be sent; the message carries ``chunk_id`` alone."""

    chunk_id: int
    priority: Priority
    jobs: int


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """One job under an owner token. ``paths``: the file, then its duplicates as fall-backs."""

    job_id: int
    radiograph_id: int
    paths: tuple[str, ...]
    sha256: str
    format: ImageFormat
    attempt: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The jobs one worker holds until its lease ends. ``batch``: the name of the chunk's batch."""

    owner: str
    chunk_id: int
    model_version: str
    jobs: tuple[ClaimedJob, ...]
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a measurement came about."""

    model_version: str
    weights_digest: str
    code_version: str
    device: str
    precision: str
    worker: str
    duration_ms: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job: a measurement, or a refusal; the header where it could be read."""

    job_id: int
    header: Header | None = None
    pixel_digest: str | None = None
    measurement: Measurement | None = None
    provenance: Provenance | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how late a transient refusal is tried again."""

    max_attempts: int = 5
    base_seconds: float = 30.0
    longest_seconds: float = 3600.0

    def delay_seconds(self, refusals: int, spread: float) -> float | None:
        """Pause after the ``refusals``-th transient refusal, or None to give up.

        ``spread``: 0 to 1, drawn at random, so that what failed together does not return together.
        """
        if refusals >= self.max_attempts:
            return None
        doubled = self.base_seconds * 2.0 ** min(refusals - 1, 32)
        return min(doubled, self.longest_seconds) * (0.75 + spread / 2)


@dataclass(frozen=True, slots=True)
class RecoveryCount:
    """What one round of recovery did."""

    expired: int = 0  # jobs whose lease ended, back in the queue
    resent: int = 0  # chunks sent again because nobody took them
    due: int = 0  # jobs whose wait for a retry is over
    quarantined: int = 0  # jobs that ended two workers while alone in their chunk


@dataclass(frozen=True, slots=True)
class RetryCount:
    """What an operator's retry brought back."""

    jobs: int = 0  # queued again
    files: int = 0  # refused at intake and forgotten: the next submission looks at them afresh
    not_kept: int = 0  # left as they are: no path to read them by is kept


@dataclass(frozen=True, slots=True)
class CancelCount:
    """What an operator's cancel stopped."""

    cancelled: int = 0
    in_flight: int = 0  # claimed by a worker, which will finish them
    handed_over: int = 0  # to other batches that hold the same contents and wait for them


@dataclass(frozen=True, slots=True)
class PauseCount:
    """What a pause holds back, or a resume lets go."""

    waiting: int = 0
    in_flight: int = 0  # claimed by a worker, which will finish them


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who asked for what, and what it did."""

    at: datetime
    who: str  # user@host of the process, by the system's own books
    action: str
    subject: str | None  # a batch, a queue, a network, a training run; None: everything
    said: Mapping[str, object]


# ---- reading ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The ledger of a batch: seen = measured + set aside + failed + duplicates, once settled."""

    batch: Batch
    seen: int
    queued: int
    running: int
    measured: int
    set_aside: int
    failed: int
    duplicates: int
    cancelled: int
    enlarged: int
    not_enlarged: int  # at or below their threshold; others have none
    buckets: Mapping[Bucket, int]
    codes: Mapping[str, int]
    first_claimed_at: datetime | None
    last_settled_at: datetime | None
    judged: tuple[IctCount, ...] = ()  # what was measured, by ICT rule

    @property
    def settled(self) -> int:
        """Files that ended; cancelled ones count as ended."""
        return self.measured + self.set_aside + self.failed + self.duplicates + self.cancelled

    @property
    def open(self) -> int:
        """Files that still wait or run."""
        return self.queued + self.running

    @property
    def balanced(self) -> bool:
        """Whether every file seen stands in exactly one column."""
        return self.seen == self.settled + self.open


class Comparison(StrEnum):
    """How a column is compared with a value, as it is written."""

    EQUAL = "="
    UNEQUAL = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    LIKE = "like"
    UNLIKE = "not like"
    CONTAINS = "contains"


Scalar = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a column of the results; None stands for what is absent."""

    column: str
    comparison: Comparison
    value: Scalar


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results to read; None leaves a condition out."""

    batch: str | None = None
    bucket: Bucket | None = None
    ict_above: float | None = None
    ict_below: float | None = None
    enlarged: bool | None = None
    since: datetime | None = None  # measured at or after
    until: datetime | None = None
    study_date_from: date | None = None
    study_date_to: date | None = None
    patient: str | None = None
    study: str | None = None  # study UID, SOP UID, radiograph id, SHA-256 prefix or file path
    model: str | None = None
    where: tuple[Condition, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement with its radiograph and provenance."""

    measurement_id: int
    radiograph_id: int
    path: str
    sha256: str
    pixel_digest: str | None
    header: Header
    measurement: Measurement
    provenance: Provenance
    measured_at: datetime
    content_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A radiograph that is above the ICT line by one of two networks only."""

    radiograph_id: int
    path: str
    ict_before: float
    ict_after: float
    threshold: float
    enlarged: bool  # by the second network


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """What two networks measured on the same radiographs; changes are second less first."""

    radiographs: int  # measured by both
    compared: int  # of these, with an index by both
    mean_change: float | None
    mean_absolute_change: float | None
    largest_change: float | None
    crossed: tuple[Crossing, ...]  # the largest change first


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """How one file ended, for `show` and the export of failures."""

    batch: str
    path: str
    state: JobState | None
    duplicate: bool
    code: str | None
    detail: str | None
    attempts: int
    radiograph_id: int | None = None


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered network."""

    version: str
    weights_digest: str
    card: Mapping[str, object] = field(repr=False)
    served: bool
    registered_at: datetime
