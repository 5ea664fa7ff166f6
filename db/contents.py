"""The radiographs of contents: each is recorded once, whichever file or network brought it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, exists, select, update
from sqlalchemy.exc import IntegrityError

from db.bulk import bound_rows, insert_of_rows, is_one_of
from db.database import pieces
from db.records import SeenFile
from db.tables import radiograph
from radiograph.records import View

_OTHER = radiograph.alias("other")


def radiographs_of(
    connection: Connection, contents: Mapping[str, Sequence[SeenFile]], at: datetime
) -> dict[str, int]:
    """Return the radiograph of each content by its identity, in their order; make what is new.

    Radiographs of an earlier schema are known by the digest of their whole file, and get that of
    their instance here.
    """
    if not contents:
        return {}
    found = _known(connection, contents)
    # Sorted: two submissions that meet the same contents wait for each other, never in a circle.
    fresh = [_row(contents[each][0], at) for each in sorted(contents) if each not in found]
    if fresh:
        statement = insert_of_rows(connection.dialect.name, radiograph, tuple(fresh[0]))
        connection.execute(
            statement.on_conflict_do_nothing(), bound_rows(connection, radiograph, fresh)
        )
        missing = {each: seen for each, seen in contents.items() if each not in found}
        found.update(_known(connection, missing))
    return {each: found[each] for each in contents}


def _row(seen: SeenFile, at: datetime) -> dict[str, object]:
    return {
        "sha256": seen.sha256,
        "content_digest": None if seen.instance is None else seen.instance.digest,
        "sop_uid": None if seen.instance is None else seen.instance.sop_uid,
        "format": seen.format,
        "path": seen.stat.path,
        "size": seen.stat.size,
        "view": View.UNKNOWN,
        "frames": 1,
        "created_at": at,
    }


def _known(connection: Connection, contents: Mapping[str, Sequence[SeenFile]]) -> dict[str, int]:
    instances = [each for each, seen in contents.items() if seen[0].instance is not None]
    found = _by(connection, radiograph.c.content_digest, instances)
    of_file = {
        each.sha256: content
        for content, seen in contents.items()
        if content not in found
        for each in seen
        if each.sha256 is not None
    }
    for sha256, radiograph_id in _by(connection, radiograph.c.sha256, list(of_file)).items():
        content = of_file[sha256]
        if content not in found:
            found[content] = radiograph_id
            if (instance := contents[content][0].instance) is not None:
                _name(connection, radiograph_id, instance.digest)
    return found


def _by(connection: Connection, digest: Column[str], values: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in pieces(values):
        rows = connection.execute(
            select(digest.label("digest"), radiograph.c.id).where(
                is_one_of(connection, digest, some)
            )
        )
        found.update((row.digest, row.id) for row in rows)
    return found


def _name(connection: Connection, radiograph_id: int, digest: str) -> None:
    """Give a radiograph of an earlier schema the digest of its instance, unless one has it."""
    taken = exists().where(_OTHER.c.content_digest == digest)
    statement = (
        update(radiograph)
        .where(radiograph.c.id == radiograph_id, radiograph.c.content_digest.is_(None), ~taken)
        .values(content_digest=digest)
    )
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return  # another submission gave it to a copy of this file; both are known
