"""Objects that were received by network: where they are kept, and whether they are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, select

from db.bulk import is_one_of
from db.columns import path_digests
from db.database import Database, pieces
from db.tables import file, radiograph


def kept_paths(db: Database, content_digest: str) -> list[str]:
    """Return the paths of the files with this content, the oldest first; or their hashes."""
    with db.read() as connection:
        return list(
            connection.scalars(_paths().where(radiograph.c.content_digest == content_digest))
        )


def paths_by_uid(db: Database, sop_uids: Collection[str]) -> dict[str, list[str]]:
    """Return the paths of the files of each SOP Instance UID that is known."""
    found: dict[str, list[str]] = {}
    with db.read() as connection:
        for some in pieces(sorted(set(sop_uids))):
            asked = _paths().add_columns(radiograph.c.sop_uid)
            rows = connection.execute(
                asked.where(is_one_of(connection, radiograph.c.sop_uid, some))
            )
            for row in rows:
                found.setdefault(row.sop_uid, []).append(row.path)
    return found


def is_recorded(db: Database, path: str) -> bool:
    """Whether a file at this path is recorded in any batch."""
    with db.read() as connection:
        digests = path_digests(connection, [path])
        asked = select(file.c.id).where(is_one_of(connection, file.c.path_digest, digests)).limit(1)
        return connection.execute(asked).first() is not None


def _paths() -> Select[tuple[str]]:
    return (
        select(file.c.path)
        .join(radiograph, radiograph.c.id == file.c.radiograph_id)
        .order_by(file.c.id)
    )
