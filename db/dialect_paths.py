"""The form of paths of one engine, which its column types find by their dialect."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect

from db.archive import Archive

_FULL = Archive()
#: An engine has one dialect, and column types are handed nothing else of it.
_ARCHIVES: WeakKeyDictionary[Dialect, Archive] = WeakKeyDictionary()


def keep_archive(dialect: Dialect, archive: Archive) -> None:
    """Have the paths of an engine, which is new, stored and read as ``archive`` says."""
    _ARCHIVES[dialect] = archive


def archive_at(dialect: Dialect) -> Archive:
    """Return how the paths of an engine are stored."""
    return _ARCHIVES.get(dialect, _FULL)


def spellings(connection: Connection, path: str) -> list[str]:
    """Return every text under which the file at ``path`` may be stored."""
    return archive_at(connection.dialect).spellings(path)
