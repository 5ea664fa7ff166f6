"""How an engine stores paths, looked up by its dialect, which is all that column types get."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect

from db.archive import Archive

_FULL = Archive()
#: By dialect: each engine has one of its own.
_ARCHIVES: WeakKeyDictionary[Dialect, Archive] = WeakKeyDictionary()


def keep_archive(dialect: Dialect, archive: Archive) -> None:
    """Set how a new engine stores and reads paths."""
    _ARCHIVES[dialect] = archive


def archive_at(dialect: Dialect) -> Archive:
    """Return how an engine stores paths."""
    return _ARCHIVES.get(dialect, _FULL)


def spellings(connection: Connection, path: str) -> list[str]:
    """Return every form in which the file at ``path`` may be stored."""
    return archive_at(connection.dialect).spellings(path)
