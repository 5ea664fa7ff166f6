"""The audit of reading: who printed or wrote what identifies patients, and how many rows.

That are file paths and the numbers and UIDs beside them, and pictures; counts and codes are not.
The entry is committed before the first row is read, and amended afterwards: whoever closes the
pipe has read nevertheless, and no export holds a lock.
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

#: A record that tells the path of a file.
Told = TypeVar("Told", Result, Failure)

#: How long a reader waits for SQLite's other writers, for the audit alone.
_PATIENCE_MS = 2_000


class Reading:
    """Counts the rows that are read, and shows of their paths what the settings allow."""

    def __init__(self, settings: Settings) -> None:
        self.paths = ShownPaths(settings)
        self.rows = 0

    def shown(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows as they may be printed or written."""
        for row in rows:
            self.rows += 1
            yield {**row, "path": self.paths.shown(str(row["path"]))}

    def records(self, records: Iterable[Told]) -> Iterator[Told]:
        """Yield records as they may be handed out."""
        for record in records:
            self.rows += 1
            yield replace(record, path=self.paths.shown(record.path))


def log_unaudited(text: str) -> None:
    """Log that a reading is not in the audit."""
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
    """Note a command that reads; ``filters`` are names without their values.

    ``tell``: is told where it cannot be noted and need not be.
    Raises ReadUnaudited: it cannot be noted, and the settings say that it must be.
    """
    reading = Reading(settings)
    required = settings.audit_reads is ReadAudit.REQUIRED
    if settings.audit_reads is ReadAudit.OFF:
        yield reading
        return
    said: dict[str, object] = {"command": command, "filters": list(filters), "pictures": pictures}
    patience_ms = None if required else _PATIENCE_MS
    entry = None
    try:
        entry = note_read(database, batch, patience_ms, **said)
    except SchemaDiffers:
        raise
    except DatabaseError as exc:
        if required:
            raise ReadUnaudited.because(f"[{exc.code}] {exc}") from exc
        tell(f"this reading is not in the audit: [{exc.code}] {exc}")
    try:
        yield reading
    finally:
        if entry is not None:
            with suppress(DatabaseError):  # that it was read is noted
                amend_read(database, entry, patience_ms, **said, rows=reading.rows)


def filter_names(wanted: ResultFilter) -> list[str]:
    """Return what a filter asks for, without its values; the batch and the limit are left out."""
    names = [
        each.name
        for each in fields(wanted)
        if each.name not in {"batch", "limit", "where"} and getattr(wanted, each.name) is not None
    ]
    return names + [condition.column for condition in wanted.where]
