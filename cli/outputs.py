"""Noting which files a command writes about patients, so that `forget` removes them too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.output.printing import say
from db.begun_outputs import begin_outputs, finish_outputs
from db.database import Database
from db.errors import BatchUnknown, DatabaseError, NameUnknown, StudyUnknown
from db.outputs import drop_outputs, record_export


def note_export(database: Database, path: Path, radiograph_ids: Sequence[int]) -> None:
    """Note an export, which `forget` names; where the database takes no writes, say so."""
    try:
        record_export(database, path, radiograph_ids)
    except DatabaseError as exc:
        say(f"`thoraq forget` will not name what was written: [{exc.code}] {exc}", err=True)


@contextmanager
def noted_outputs(
    database: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiographs: Sequence[int] = (),
) -> Iterator[list[Path]]:
    """Note files before they are written; append to what is given each that was.

    Where the database takes no writes, this is said, and they are written nevertheless.
    Raises BatchUnknown, StudyUnknown: what they are about was forgotten meanwhile; the files that
    were written are removed.
    """
    written: list[Path] = []
    try:
        notes = begin_outputs(database, paths, of_batch=of_batch, of_radiographs=of_radiographs)
    except NameUnknown:
        raise
    except DatabaseError as exc:
        _say(exc)
        yield written
        return
    try:
        yield written
    finally:
        try:
            known = finish_outputs(database, notes, written)
        except DatabaseError as exc:
            _say(exc)
            known = True
        if not known:
            for path in written:
                path.unlink(missing_ok=True)
            drop_outputs(database, [each for ids in notes.values() for each in ids])
            kind = StudyUnknown if of_batch is None else BatchUnknown
            raise kind(
                "it or a part of it was forgotten while this was written, and what was written is"
                " removed: run the same command again for what is left"
            )


def _say(exc: DatabaseError) -> None:
    say(f"`thoraq forget` will not find what was written: [{exc.code}] {exc}", err=True)
