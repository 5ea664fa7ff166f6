"""Records of reports and pictures, which `forget` removes, and of exports, which it lists."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from db.bulk import is_one_of
from db.database import Database, moment, pieces
from db.erasure_records import Output
from db.tables import batch, file, output


def record_export(
    db: Database, path: Path, radiograph_ids: Sequence[int], *, now: datetime | None = None
) -> None:
    """Record a file with rows of these radiographs, once for each batch with one of them."""
    host, whole, found = socket.gethostname(), str(path.absolute()), path.stat()
    batches: set[int] = set()
    for some in pieces(radiograph_ids):
        asked = select(file.c.batch_id).distinct()
        with db.read() as connection:
            some_of = is_one_of(connection, file.c.radiograph_id, some)
            batches.update(connection.scalars(asked.where(some_of)))
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(delete(output).where(output.c.host == host, output.c.path == whole))
        known = select(batch.c.id).order_by(batch.c.id)  # without those forgotten meanwhile
        for batch_id in batches.intersection(connection.scalars(known)):
            connection.execute(
                insert(output).values(
                    batch_id=batch_id,
                    host=host,
                    path=whole,
                    size=found.st_size,
                    mtime_ns=found.st_mtime_ns,
                    at=at,
                    exported=True,
                )
            )


def is_output(db: Database, path: Path, of_batch: str) -> bool:
    """Return whether a file on this host is an unmodified report of thoraq on a batch.

    Raises OSError: the file cannot be examined.
    """
    stat = path.lstat()
    named = select(batch.c.id).where(batch.c.name == of_batch)
    noted = select(output.c.id).where(
        output.c.host == socket.gethostname(),
        output.c.path == str(path.absolute()),
        output.c.batch_id == named.scalar_subquery(),
        output.c.size == stat.st_size,
        output.c.mtime_ns == stat.st_mtime_ns,
    )
    with db.read() as connection:
        return connection.execute(noted.limit(1)).first() is not None


def drop_outputs(db: Database, ids: Sequence[int]) -> None:
    """Delete the records of removed files, including those about other subjects."""
    for some in pieces(ids):
        with db.write() as connection:
            chosen = select(output.c.host, output.c.path).distinct()
            gone = connection.execute(chosen.where(is_one_of(connection, output.c.id, some))).all()
            for host, path in gone:
                connection.execute(
                    delete(output).where(output.c.host == host, output.c.path == path)
                )


def outputs_of(
    connection: Connection, batch_ids: Sequence[int], radiograph_ids: Sequence[int]
) -> list[Output]:
    """Return reports and exports of batches, and pictures of radiographs, on any host.

    Files without a subject, which an earlier forgetting could not remove, are included.
    """
    chosen: list[ColumnElement[bool]] = [
        output.c.batch_id.is_(None) & output.c.radiograph_id.is_(None)
    ]
    chosen += [is_one_of(connection, output.c.batch_id, some) for some in pieces(batch_ids)]
    chosen += [
        is_one_of(connection, output.c.radiograph_id, some) for some in pieces(radiograph_ids)
    ]
    found: dict[int, Output] = {}
    for each in chosen:
        for row in connection.execute(select(output).where(each)):
            exported_at = row.at if row.exported else None
            written = (row.id, row.host, row.path, row.size, row.mtime_ns)
            found[row.id] = Output(*written, exported_at)
    return [found[each] for each in sorted(found)]
