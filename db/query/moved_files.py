"""Finding files by their path, also by the one they had before a watch moved them.

A watch replaces the path of a file that it moves. The former path is not stored, but the new one
can be derived from it: any of its parent folders may have been the watched one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from sqlalchemy import Connection, String, cast, literal, select

from db.archive import is_hashed
from db.bulk import is_one_of
from db.columns import FilePath, path_digests
from db.database import AnyRow
from db.dialect_paths import archive_at, spellings
from db.states import Destination
from db.tables import file

#: Subfolders of the watched folder to which a watch moves files.
PUT_AWAY = (Destination.DONE, Destination.FAILED)
#: Most parent folders that may have been the watched one; no walk goes deeper.
_DEEPEST = 100


def files_at(connection: Connection, path: str) -> list[int]:
    """Return the ids of the files at ``path`` or, if there are none, of those moved from there."""
    path = archive_at(connection.dialect).here(path)
    found = _exactly(connection, [path])
    if not found and path.startswith("/"):
        found = _exactly(connection, list(moved_paths(path)), moved=True)
        found += _numbered(connection, found)
    return sorted({row.id for row in found})


def moved_paths(path: str) -> Iterator[str]:
    """Yield paths to which a watch may have moved a file, the nearest folder first."""
    names = path.split("/")[1:]
    for depth in range(len(names) - 1, max(-1, len(names) - 2 - _DEEPEST), -1):
        before, below = names[:depth], names[depth:]
        for folder in PUT_AWAY:
            yield "/".join(["", *before, folder, *below])
            # The file was moved as failed, then measured by a later try.
            if len(below) > 1 and below[0] in PUT_AWAY and below[0] != folder:
                yield "/".join(["", *before, folder, *below[1:]])


def _exactly(connection: Connection, paths: Sequence[str], *, moved: bool = False) -> list[AnyRow]:
    asked = select(file.c.id, file.c.batch_id, file.c.destination, file.c.path).where(
        is_one_of(connection, file.c.path_digest, path_digests(connection, paths))
    )
    if moved:
        asked = asked.where(file.c.destination.in_(PUT_AWAY))
    wanted = {text for path in paths for text in (path, *spellings(connection, path))}
    return [row for row in connection.execute(asked) if row.path in wanted]


def _numbered(connection: Connection, found: Sequence[AnyRow]) -> list[AnyRow]:
    """Return later files with the same former paths, whose names contain the id of their row."""
    more: list[AnyRow] = []
    for batch_id, destination, path in {(row.batch_id, row.destination, row.path) for row in found}:
        if is_hashed(path):
            continue  # its folder is unknown
        folder, _, name = path.rpartition("/")
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        number, after = cast(file.c.id, String), literal(suffix, FilePath)
        texts = [
            literal(before, FilePath).concat(number).concat(after)
            for before in spellings(connection, f"{folder}/{stem}.")
        ]
        more += connection.execute(
            select(file.c.id, file.c.batch_id, file.c.destination, file.c.path).where(
                file.c.batch_id == batch_id,
                file.c.destination == destination,
                file.c.path.in_(texts),
            )
        ).all()
    return more
