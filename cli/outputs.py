"""Noting which files a command wrote about patients, so that `forget` removes them too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.printing import say
from db.database import Database
from db.errors import DatabaseError
from db.outputs import record_export, record_outputs


def note_export(database: Database, path: Path, radiograph_ids: Sequence[int]) -> None:
    """Note an export, which `forget` names; where the database takes no writes, say so."""
    try:
        record_export(database, path, radiograph_ids)
    except DatabaseError as exc:
        say(f"`thoraq forget` will not name what was written: [{exc.code}] {exc}", err=True)


def note_outputs(
    database: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiographs: Sequence[int] = (),
) -> None:
    """Note files that were written; where the database takes no writes, say so."""
    try:
        record_outputs(database, paths, of_batch=of_batch, of_radiographs=of_radiographs)
    except DatabaseError as exc:
        say(f"`thoraq forget` will not find what was written: [{exc.code}] {exc}", err=True)
