"""Records passed into and out of the database folder; it passes no rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from db.derivation_records import IctCount
from db.states import Destination, JobState, Priority
from db.sums import Summed
from radiograph.errors import Disposition, RadiographError
from radiograph.instance import Instance
from radiograph.records import Bucket, Header, ImageFormat, Measurement

# ---- intake -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileStat:
    """A file in a directory listing; files with equal stats are assumed to be the same."""

    path: str  # absolute, decoded with surrogateescape
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a file was not queued, or a job not measured."""

    code: str
    detail: str
    disposition: Disposition
    permanent: bool = True

    @classmethod
    def of(cls, error: RadiographError) -> Self:
        """Return the refusal to record for an error."""
        return cls(error.code, str(error), error.disposition, error.permanent)


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file found at intake: hashed and recognised, or refused."""

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
    """A submission; submitting under the same name adds to it."""

    id: int
    name: str
    priority: Priority
    created_at: datetime
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IntakeCount(Summed):
    """Counts of recording a set of files."""

    seen: int = 0
    queued: int = 0
    duplicates: int = 0
    refused: int = 0
    known: int = 0  # recorded in this batch before
    reopened: int = 0  # unreadable in this batch before, and readable now


@dataclass(frozen=True, slots=True)
class EndedFile:
    """A file that has ended and is to be moved. ``sha256``: None if it was refused."""

    id: int
    stat: FileStat
    wanted: Destination  # done or failed
    sha256: str | None
    code: str | None  # why it was not measured
    detail: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file that a watch moved or deleted."""

    id: int
    path: str  # its new path, or its last one
    destination: Destination


# ---- the queue ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChunkMessage:
    """A chunk to be sent; the message contains only ``chunk_id``."""

    chunk_id: int
    priority: Priority
    jobs: int


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A claimed job. ``paths``: the file, then duplicates to read if it is unavailable."""

    job_id: int
    radiograph_id: int
    paths: tuple[str, ...]
    sha256: str
    format: ImageFormat
    attempt: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The jobs a worker holds until its lease expires. ``batch``: name of the chunk's batch."""

    owner: str
    chunk_id: int
    model_version: str
    jobs: tuple[ClaimedJob, ...]
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of a measurement."""

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
    """The outcome of a job: a measurement or a refusal, and the header if it was read."""

    job_id: int
    header: Header | None = None
    pixel_digest: str | None = None
    measurement: Measurement | None = None
    provenance: Provenance | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and with what delays a job is retried after transient refusals."""

    max_attempts: int = 5
    base_seconds: float = 30.0
    longest_seconds: float = 3600.0

    def delay_seconds(self, refusals: int, spread: float) -> float | None:
        """Return the delay after the ``refusals``-th transient refusal, or None to give up.

        ``spread``: 0 to 1, drawn at random, so that jobs that failed together are spread in time.
        """
        if refusals >= self.max_attempts:
            return None
        doubled = self.base_seconds * 2.0 ** min(refusals - 1, 32)
        return min(doubled, self.longest_seconds) * (0.75 + spread / 2)


@dataclass(frozen=True, slots=True)
class RecoveryCount:
    """Counts of one round of recovery."""

    expired: int = 0  # jobs requeued after their lease expired
    resent: int = 0  # chunks sent again because no worker claimed them
    due: int = 0  # jobs whose delay before a retry is over
    quarantined: int = 0  # jobs on which two workers died while processing them alone


@dataclass(frozen=True, slots=True)
class RetryCount:
    """Counts of an operator's retry."""

    jobs: int = 0  # queued again
    files: int = 0  # refused at intake and forgotten: the next submission reads them again
    not_kept: int = 0  # left, since their path is not kept


@dataclass(frozen=True, slots=True)
class CancelCount:
    """Counts of an operator's cancel."""

    cancelled: int = 0
    in_flight: int = 0  # claimed by a worker, which will finish them
    handed_over: int = 0  # to other batches that wait for the same contents


@dataclass(frozen=True, slots=True)
class PauseCount:
    """Counts of what a pause holds back, or a resume releases."""

    waiting: int = 0
    in_flight: int = 0  # claimed by a worker, which will finish them


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the audit log: who asked for what, and what it did."""

    at: datetime
    who: str  # user@host of the process, from the system's user database
    action: str
    subject: str | None  # a batch, a queue, a network, a training run; None: everything
    details: Mapping[str, object]


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
    not_enlarged: int  # at or below their threshold; the others have no threshold
    buckets: Mapping[Bucket, int]
    codes: Mapping[str, int]
    first_claimed_at: datetime | None
    last_settled_at: datetime | None
    judged: tuple[IctCount, ...] = ()  # measured files, by ICT rule

    @property
    def settled(self) -> int:
        """Return the number of files that ended, including cancelled ones."""
        return self.measured + self.set_aside + self.failed + self.duplicates + self.cancelled

    @property
    def open(self) -> int:
        """Return the number of files that are waiting or running."""
        return self.queued + self.running

    @property
    def balanced(self) -> bool:
        """Return whether every file seen is counted in exactly one column."""
        return self.seen == self.settled + self.open


class Comparison(StrEnum):
    """Operators of conditions, as they are written."""

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
    """A comparison of a column of the results with a value; None for absent values."""

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
    """A measurement with its radiograph and provenance."""

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
    """A radiograph that is above the ICT line by only one of two networks."""

    radiograph_id: int
    path: str
    ict_before: float
    ict_after: float
    threshold: float
    enlarged: bool  # by the second network


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two networks on the same radiographs; changes are second minus first."""

    radiographs: int  # measured by both
    compared: int  # of these, with an ICT from both
    mean_change: float | None
    mean_absolute_change: float | None
    largest_change: float | None
    crossed: tuple[Crossing, ...]  # the largest change first


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """How a file ended, for `show` and the export of failures."""

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
