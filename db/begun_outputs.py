"""Reports and pictures that are being written: noted before their first byte.

What they are about may be forgotten meanwhile. Then their note is about nothing or gone, and who
writes them removes them.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, or_, select, update

from db.bulk import among
from db.database import Database, moment
from db.erasure_records import UNFINISHED
from db.errors import BatchUnknown, StudyUnknown
from db.tables import batch, output, radiograph


def begin_outputs(
    db: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiograph: int | None = None,
    now: datetime | None = None,
) -> dict[Path, int]:
    """Note files that are about to be written about a batch or a radiograph; return the notes.

    Raises BatchUnknown, StudyUnknown.
    """
    host = socket.gethostname()
    with db.write() as connection:
        at = moment(connection, now)
        subject = _subject(connection, of_batch, of_radiograph)
        return {
            path: connection.execute(
                insert(output)
                .values(
                    host=host,
                    path=str(path.absolute()),
                    size=UNFINISHED,
                    mtime_ns=0,
                    at=at,
                    **subject,
                )
                .returning(output.c.id)
            ).scalar_one()
            for path in paths
        }


def finish_outputs(db: Database, notes: Mapping[Path, int], written: Collection[Path]) -> bool:
    """Note those that were written as they are now, in place of older notes of the same files.

    False: what one of them is about was forgotten meanwhile, and the notes are left as they are.
    """
    host = socket.gethostname()
    with db.write() as connection:
        for path, note in notes.items():
            whole = str(path.absolute())
            mine = (output.c.id == note, output.c.path == whole)
            if path not in written:
                connection.execute(delete(output).where(*mine))
                continue
            found = path.lstat()
            about = or_(output.c.batch_id.is_not(None), output.c.radiograph_id.is_not(None))
            as_written = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
            if not connection.execute(
                update(output).where(*mine, about).values(as_written)
            ).rowcount:
                return False
            former = (output.c.host == host, output.c.path == whole, output.c.id != note)
            connection.execute(delete(output).where(*former, output.c.size != UNFINISHED))
    return True


def strike_begun(connection: Connection, batch_ids: Sequence[int]) -> None:
    """Have those who write reports about batches find that a part of them was forgotten."""
    reports = among(connection, output.c.batch_id, batch_ids)
    begun = update(output).where(reports, output.c.size == UNFINISHED)
    connection.execute(begun.values(batch_id=None))


def _subject(
    connection: Connection, of_batch: str | None, of_radiograph: int | None
) -> dict[str, int]:
    if of_batch is not None:
        named = select(batch.c.id).where(batch.c.name == of_batch)
        if (found := connection.execute(named).scalar_one_or_none()) is None:
            raise BatchUnknown(f"no batch is called {of_batch!r}: `thoraq status` lists them")
        return {"batch_id": found}
    known = select(radiograph.c.id).where(radiograph.c.id == of_radiograph)
    if (found := connection.execute(known).scalar_one_or_none()) is None:
        raise StudyUnknown(f"radiograph {of_radiograph}: {StudyUnknown.__doc__}")
    return {"radiograph_id": found}
