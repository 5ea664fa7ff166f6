"""Reports and pictures that thoraq wrote to disk: where they are, so that they can be removed."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from db.bulk import among
from db.database import Database, moment, pieces
from db.erasure_records import Output
from db.tables import batch, output, radiograph


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


def drop_outputs(db: Database, ids: Sequence[int]) -> None:
    """Strike off files that were removed."""
    for some in pieces(ids):
        with db.write() as connection:
            connection.execute(delete(output).where(among(connection, output.c.id, some)))


def outputs_of(
    connection: Connection, batch_ids: Sequence[int], radiograph_ids: Sequence[int]
) -> list[Output]:
    """Return the reports of batches and the pictures of radiographs, on any host."""
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
                found[row.id] = Output(row.id, row.host, row.path, row.size, row.mtime_ns)
    return [found[each] for each in sorted(found)]
