"""What to forget, and what that removes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db.sums import Summed

#: Size recorded for a file while it is being written.
UNFINISHED = -1


@dataclass(frozen=True, slots=True)
class Scope:
    """What to forget: exactly one of a batch, a patient, or what ended before a time."""

    batch: str | None = None
    patients: tuple[str, ...] = ()  # one patient's id in every form it may be stored in
    before: datetime | None = None

    @property
    def kind(self) -> str:
        """Return the kind, which identifies nobody."""
        if self.batch is not None:
            return "batch"
        return "before" if self.before is not None else "patient"


@dataclass(frozen=True, slots=True)
class Output:
    """A file that thoraq wrote on some host; ``path`` is absolute.

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
        """Return whether it is being written, or its writer was killed."""
        return self.size == UNFINISHED


@dataclass(frozen=True, slots=True)
class ErasureCount(Summed):
    """Numbers of removed rows. ``failures``: every refusal and lost worker of their jobs."""

    files: int = 0
    radiographs: int = 0
    measurements: int = 0
    failures: int = 0
    batches: int = 0
    handed_over: int = 0  # jobs that now count for another batch


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What forgetting would remove: rows, files per batch, and files on disk."""

    count: ErasureCount
    batches: Mapping[str, int] = field(default_factory=dict)  # removed files by batch
    emptied: tuple[str, ...] = ()  # batches that are removed entirely
    outputs: Sequence[Output] = ()
    #: Paths of files that a watch moved to ``failed/``; a table there has a line for each.
    failed: Sequence[str] = ()
