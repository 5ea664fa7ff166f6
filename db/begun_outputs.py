"""Reports and pictures that are being written: recorded before their first byte.

Their batch or radiograph may be forgotten at the same time. Then the record has lost its subject or
is gone, and the writer removes the file.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, not_, or_, select, update

from db.bulk import is_one_of
from db.database import Database, moment
from db.erasure_records import UNFINISHED
from db.errors import BatchUnknown, StudyUnknown
from db.tables import batch, output, radiograph


def begin_outputs(
    db: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiographs: Sequence[int] = (),
    now: datetime | None = None,
) -> dict[Path, list[int]]:
    """Record files that are about to be written about a batch, radiographs, or both.

    Return the ids of each file's records, one per subject. Raises BatchUnknown, StudyUnknown.
    """
    host = socket.gethostname()
    with db.write() as connection:
        at = moment(connection, now)
        subjects = _subjects(connection, of_batch, of_radiographs)
        notes: dict[Path, list[int]] = {}
        for path in paths:
            begun = {"host": host, "path": str(path.absolute()), "at": at}
            begun |= {"size": UNFINISHED, "mtime_ns": 0}
            made = insert(output).returning(output.c.id)
            notes[path] = list(connection.scalars(made, [begun | subject for subject in subjects]))
        return notes


def finish_outputs(
    db: Database, notes: Mapping[Path, Sequence[int]], written: Collection[Path]
) -> bool:
    """Record the files that were written as finished, replacing older records of the same files.

    Return False, and change nothing, if a subject of theirs has been forgotten.
    """
    host = socket.gethostname()
    with db.write() as connection:
        for path, ids in notes.items():
            whole = str(path.absolute())
            mine = (is_one_of(connection, output.c.id, ids), output.c.path == whole)
            if path not in written:
                connection.execute(delete(output).where(*mine))
                continue
            found = path.lstat()
            about = or_(output.c.batch_id.is_not(None), output.c.radiograph_id.is_not(None))
            as_written = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
            known = connection.execute(update(output).where(*mine, about).values(as_written))
            if known.rowcount != len(ids):
                return False
            former = (output.c.host == host, output.c.path == whole, not_(mine[0]))
            connection.execute(delete(output).where(*former, output.c.size != UNFINISHED))
    return True


def strike_begun(connection: Connection, batch_ids: Sequence[int]) -> None:
    """Remove the subject of reports on batches that are being written: part of it was forgotten."""
    reports = is_one_of(connection, output.c.batch_id, batch_ids)
    begun = update(output).where(reports, output.c.size == UNFINISHED)
    connection.execute(begun.values(batch_id=None))


def _subjects(
    connection: Connection, of_batch: str | None, of_radiographs: Sequence[int]
) -> list[dict[str, int | None]]:
    subjects: list[dict[str, int | None]] = []
    if of_batch is not None:
        named = select(batch.c.id).where(batch.c.name == of_batch)
        if (found := connection.execute(named).scalar_one_or_none()) is None:
            raise BatchUnknown(f"no batch is called {of_batch!r}: `thoraq status` lists them")
        subjects.append({"batch_id": found, "radiograph_id": None})
    known = select(radiograph.c.id).where(is_one_of(connection, radiograph.c.id, of_radiographs))
    ids = set(connection.scalars(known))
    if missing := sorted(set(of_radiographs) - ids):
        raise StudyUnknown.about(f"radiograph {missing[0]}")
    return subjects + [{"batch_id": None, "radiograph_id": each} for each in sorted(ids)]
