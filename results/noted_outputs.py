"""Recording the files written about patients, so that `forget` removes them too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from db.begun_outputs import begin_outputs, finish_outputs
from db.database import Database
from db.errors import BatchUnknown, DatabaseError, NameUnknown, StudyUnknown
from db.outputs import drop_outputs, record_export

_log = structlog.stdlib.get_logger(__name__)


def log_unnoted(text: str) -> None:
    """Log that an output is not recorded."""
    _log.warning(text)


def note_export(
    database: Database,
    path: Path,
    radiograph_ids: Sequence[int],
    *,
    tell: Callable[[str], None] = log_unnoted,
) -> None:
    """Record an export, so that `forget` lists it.

    ``tell`` is called with a message if the database cannot be written.
    """
    try:
        record_export(database, path, radiograph_ids)
    except DatabaseError as exc:
        tell(f"`thoraq forget` will not list this export: [{exc.code}] {exc}")


@contextmanager
def noted_outputs(
    database: Database,
    paths: Sequence[Path],
    *,
    of_batch: str | None = None,
    of_radiographs: Sequence[int] = (),
    tell: Callable[[str], None] = log_unnoted,
) -> Iterator[list[Path]]:
    """Record files before they are written; append each written file to the yielded list.

    If the database cannot be written, ``tell`` is called with a message, and the files are written
    nevertheless. Raises BatchUnknown, StudyUnknown if their data was forgotten meanwhile; the
    written files are then removed.
    """
    written: list[Path] = []
    try:
        notes = begin_outputs(database, paths, of_batch=of_batch, of_radiographs=of_radiographs)
    except NameUnknown:
        raise
    except DatabaseError as exc:
        tell(_unnoted(exc))
        yield written
        return
    try:
        yield written
    finally:
        try:
            known = finish_outputs(database, notes, written)
        except DatabaseError as exc:
            tell(_unnoted(exc))
            known = True
        if not known:
            for path in written:
                path.unlink(missing_ok=True)
            drop_outputs(database, [each for ids in notes.values() for each in ids])
            kind = StudyUnknown if of_batch is None else BatchUnknown
            raise kind(
                "it or a part of it was forgotten meanwhile, and the written files were removed:"
                " run the same command again for the remaining data"
            )


def _unnoted(exc: DatabaseError) -> str:
    return f"`thoraq forget` will not find this output: [{exc.code}] {exc}"
