"""The audit of reading: who printed or wrote identifying data, and how many rows.

Identifying are file paths, the numbers and UIDs of results, and pictures; counts and codes are not.
The entry is committed before the first row is read, and completed afterwards, so that an
interrupted reader is recorded too, and no export holds a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from typing import TypeVar

import structlog

from db.audit import amend_read, note_read
from db.database import Database
from db.errors import DatabaseError, SchemaDiffers
from db.query.failure_records import Failure
from db.records import Result, ResultFilter
from results.errors import ReadUnaudited
from results.rows import Row
from scheduler.choices import ReadAudit
from scheduler.settings import Settings
from scheduler.shown_paths import ShownPaths

_log = structlog.stdlib.get_logger(__name__)

#: A record with the path of a file.
WithPath = TypeVar("WithPath", Result, Failure)

#: How long the audit entry of a reader waits for other writers of SQLite.
_PATIENCE_MS = 2_000


class Reading:
    """Counts the rows that are read, and converts their paths to the shown form."""

    def __init__(self, settings: Settings) -> None:
        self.paths = ShownPaths(settings)
        self.rows = 0

    def shown(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows with their paths in the shown form."""
        for row in rows:
            self.rows += 1
            yield {**row, "path": self.paths.shown(str(row["path"]))}

    def records(self, records: Iterable[WithPath]) -> Iterator[WithPath]:
        """Yield records with their paths in the shown form."""
        for record in records:
            self.rows += 1
            yield replace(record, path=self.paths.shown(record.path))

    def counted(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield results as they are, for a reader that leaves their paths out."""
        for result in results:
            self.rows += 1
            yield result


def log_unaudited(text: str) -> None:
    """Log that a read is not in the audit log."""
    _log.warning(text)


@contextmanager
def audited(
    database: Database,
    settings: Settings,
    command: str,
    *,
    batch: str | None = None,
    filters: Sequence[str] = (),
    pictures: bool = False,
    tell: Callable[[str], None] = log_unaudited,
) -> Iterator[Reading]:
    """Record a command that reads in the audit log; ``filters``: names without values.

    ``tell`` is called with a message if the entry cannot be written and is not required. Raises
    ReadUnaudited if it is required by the settings.
    """
    reading = Reading(settings)
    required = settings.audit_reads is ReadAudit.REQUIRED
    if settings.audit_reads is ReadAudit.OFF:
        yield reading
        return
    details: dict[str, object] = {
        "command": command,
        "filters": list(filters),
        "pictures": pictures,
    }
    patience_ms = None if required else _PATIENCE_MS
    entry = None
    try:
        entry = note_read(database, batch, patience_ms, **details)
    except SchemaDiffers:
        raise
    except DatabaseError as exc:
        if required:
            raise ReadUnaudited.because(f"[{exc.code}] {exc}") from exc
        tell(f"this read is not in the audit log: [{exc.code}] {exc}")
    try:
        yield reading
    finally:
        if entry is not None:
            with suppress(DatabaseError):  # the read itself is already recorded
                amend_read(database, entry, patience_ms, **details, rows=reading.rows)


def filter_names(wanted: ResultFilter) -> list[str]:
    """Return the names of the filters in use, without batch and limit."""
    names = [
        each.name
        for each in fields(wanted)
        if each.name not in {"batch", "limit", "where"} and getattr(wanted, each.name) is not None
    ]
    return names + [condition.column for condition in wanted.where]
