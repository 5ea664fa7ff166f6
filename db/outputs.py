"""Where reports and pictures are, which `forget` removes, and exports, which it names."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from db.bulk import among
from db.database import Database, moment, pieces
from db.erasure_records import Output
from db.tables import batch, file, output, radiograph


def record_outputs(
    db: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiograph: int | None = None,
    now: datetime | None = None,
) -> None:
    """Note files that were just written about a batch or a radiograph, in place of older notes."""
    host = socket.gethostname()
    with db.write() as connection:
        at = moment(connection, now)
        named = select(batch.c.id).where(batch.c.name == of_batch)
        known = select(radiograph.c.id).where(radiograph.c.id == of_radiograph)
        subject = {
            "batch_id": connection.execute(named).scalar_one_or_none(),
            "radiograph_id": connection.execute(known).scalar_one_or_none(),
        }
        if not any(subject.values()):
            return  # forgotten meanwhile
        for path in paths:
            whole, found = str(path.absolute()), path.stat()
            connection.execute(delete(output).where(output.c.host == host, output.c.path == whole))
            written = {"size": found.st_size, "mtime_ns": found.st_mtime_ns}
            connection.execute(
                insert(output).values(host=host, path=whole, at=at, **written, **subject)
            )


def record_export(
    db: Database, path: Path, radiograph_ids: Sequence[int], *, now: datetime | None = None
) -> None:
    """Note a file with rows of these radiographs: once for each batch that has one of them."""
    host, whole, found = socket.gethostname(), str(path.absolute()), path.stat()
    batches: set[int] = set()
    for some in pieces(radiograph_ids):
        asked = select(file.c.batch_id).distinct()
        with db.read() as connection:
            some_of = among(connection, file.c.radiograph_id, some)
            batches.update(connection.scalars(asked.where(some_of)))
    with db.write() as connection:
        at = moment(connection, now)
        connection.execute(delete(output).where(output.c.host == host, output.c.path == whole))
        known = select(batch.c.id).order_by(batch.c.id)  # others were forgotten meanwhile
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


def drop_outputs(db: Database, ids: Sequence[int]) -> None:
    """Strike off files that were removed."""
    for some in pieces(ids):
        with db.write() as connection:
            connection.execute(delete(output).where(among(connection, output.c.id, some)))


def outputs_of(
    connection: Connection, batch_ids: Sequence[int], radiograph_ids: Sequence[int]
) -> list[Output]:
    """Return reports and exports of batches, and pictures of radiographs, on any host."""
    found: dict[int, Output] = {}
    for column, ids in (
        (output.c.batch_id, batch_ids),
        (output.c.radiograph_id, radiograph_ids),
    ):
        for some in pieces(ids):
            rows = connection.execute(
                select(output).where(among(connection, column, some)).order_by(output.c.id)
            )
            for row in rows:
                exported_at = row.at if row.exported else None
                written = (row.id, row.host, row.path, row.size, row.mtime_ns)
                found[row.id] = Output(*written, exported_at)
    return [found[each] for each in sorted(found)]
