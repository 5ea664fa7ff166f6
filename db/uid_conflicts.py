"""Conflicts: radiographs that have one SOP Instance UID and different pixels. All are kept."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from db.bulk import is_one_of
from db.database import AnyRow, Database, pieces
from db.tables import radiograph
from radiograph.records import ReadingNote

_CODE = ReadingNote.SOP_UID_REUSED


def note_conflicts(db: Database, sop_uids: Iterable[str]) -> int:
    """Note on each radiograph with one of these UIDs that others have it too; return how many.

    Call it once their headers are committed: of two transactions that store headers of one UID,
    neither sees what the other did.
    """
    uids = sorted(set(sop_uids))
    with db.read() as connection:
        shared = [uid for some in pieces(uids) for uid in _shared(connection, some)]
    if not shared:
        return 0
    noted = 0
    with db.write() as connection:
        for some in pieces(shared):
            rows = connection.execute(_those(connection, some).with_for_update()).all()
            lacking = [
                {"of": row.id, "note": _with_code(row.reading_note)}
                for row in _in_conflict(rows)
                if _CODE not in (row.reading_note or "").split()
            ]
            if lacking:
                connection.execute(
                    update(radiograph)
                    .where(radiograph.c.id == bindparam("of"))
                    .values(reading_note=bindparam("note")),
                    lacking,
                )
            noted += len(lacking)
    return noted


def _shared(connection: Connection, uids: Iterable[str]) -> list[str]:
    """Return the UIDs of several radiographs whose pixels differ, or were not compared."""
    one = radiograph.c
    compared = func.count(one.pixel_digest)
    counted = (
        select(one.sop_uid)
        .where(is_one_of(connection, one.sop_uid, list(uids)), one.rows.is_not(None))
        .group_by(one.sop_uid)
        .having(
            func.count() > 1,
            or_(
                func.count(one.pixel_digest.distinct()) > 1,
                compared < func.count(),
            ),
        )
    )
    return list(connection.scalars(counted))


def _those(connection: Connection, uids: Iterable[str]) -> Select[tuple[object, ...]]:
    return (
        select(
            radiograph.c.id,
            radiograph.c.sop_uid,
            radiograph.c.pixel_digest,
            radiograph.c.rows,
            radiograph.c.reading_note,
        )
        .where(is_one_of(connection, radiograph.c.sop_uid, list(uids)))
        .order_by(radiograph.c.id)
    )


def _in_conflict(rows: Iterable[AnyRow]) -> Iterable[AnyRow]:
    """Yield the radiographs of UIDs whose pixels differ, or were not compared, of those read."""
    of: dict[str, list[AnyRow]] = {}
    for row in rows:
        if row.rows is not None:  # otherwise it was not read yet, and is noted when it is
            of.setdefault(row.sop_uid, []).append(row)
    for those in of.values():
        pixels = {row.pixel_digest for row in those}
        if len(those) > 1 and (len(pixels) > 1 or None in pixels):
            yield from those


def _with_code(note: str | None) -> str:
    return " ".join(sorted({*(note or "").split(), _CODE}))
