"""The audit of database copies, which hold all that identifies patients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from db import schema
from results.audited_reads import Reading, audited, log_unaudited
from results.errors import ReadUnaudited
from scheduler.archive import open_database
from scheduler.choices import ReadAudit
from scheduler.settings import Settings


@contextmanager
def audited_copy(
    settings: Settings, tell: Callable[[str], None] = log_unaudited
) -> Iterator[Reading | None]:
    """Note a copy of the database as other reading is noted; None: it is not noted.

    ``tell``: is told where it cannot be noted and need not be. Raises ReadUnaudited.
    """
    state = schema.check(settings.database)
    if state.up_to_date:
        database = open_database(settings)
        try:
            with audited(database, settings, "db backup", tell=tell) as reading:
                yield reading
        finally:
            database.dispose()
        return
    # A copy before an upgrade is worth having; the audit of another schema takes no entry.
    if settings.audit_reads is ReadAudit.REQUIRED:
        raise ReadUnaudited.because("the schema is not this program's")
    if settings.audit_reads is ReadAudit.ON and state.current is not None:
        tell("this copy is not in the audit: the schema is not this program's")
    yield None
