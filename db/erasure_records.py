"""What is to be forgotten, and what that removes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db.sums import Summed

#: Size that is noted of a file while it is written.
UNFINISHED = -1


@dataclass(frozen=True, slots=True)
class Scope:
    """What to forget: a batch, a patient or what ended before a time; exactly one of them."""

    batch: str | None = None
    patients: tuple[str, ...] = ()  # one patient's number in every form it may be stored in
    before: datetime | None = None

    @property
    def kind(self) -> str:
        """Name the kind, which tells nothing of whom."""
        if self.batch is not None:
            return "batch"
        return "before" if self.before is not None else "patient"


@dataclass(frozen=True, slots=True)
class Output:
    """A file that thoraq wrote at some host; ``path`` is absolute.

    ``exported_at``: when an operator exported rows to it; None for a report or a picture.
    """

    id: int
    host: str
    path: str
    size: int
    mtime_ns: int
    exported_at: datetime | None = None

    @property
    def unfinished(self) -> bool:
        """Whether it is being written, or whoever did was killed."""
        return self.size == UNFINISHED


@dataclass(frozen=True, slots=True)
class ErasureCount(Summed):
    """Rows that go. ``failures``: every refusal and lost worker of their jobs."""

    files: int = 0
    radiographs: int = 0
    measurements: int = 0
    failures: int = 0
    batches: int = 0
    handed_over: int = 0  # jobs that go on as another batch's own


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What forgetting would remove: rows, files of each batch, and what is on disk."""

    count: ErasureCount
    batches: Mapping[str, int] = field(default_factory=dict)  # files that go, by batch
    emptied: tuple[str, ...] = ()  # batches that go whole
    outputs: Sequence[Output] = ()
    #: Paths of files that a watch moved to ``failed/``, where a table has a line for each.
    failed: Sequence[str] = ()
