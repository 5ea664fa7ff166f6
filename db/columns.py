"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Cast,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Enum,
    Float,
    Index,
    Integer,
    Text,
    TypeDecorator,
    cast,
    func,
    text,
    type_coerce,
)
from sqlalchemy.types import TypeEngine

from db.archive import HASHED_MARK
from db.dialect_paths import archive_at, spellings
from radiograph.measures.declaration import Measure

#: SQLite generates ids only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

# Bytes of a file name that are not UTF-8 are read as U+DC80..U+DCFF (surrogateescape), which
# neither database can store; they are mapped to the last 128 code points of the last private plane.
# Where a name contains one of these, or U+10FF00, it is escaped by a preceding U+10FF00.
_MARK = "\U0010ff00"
_BYTES = range(0x80, 0x100)
_TO_STORED = (
    {0xDC00 + byte: chr(0x10FF00 + byte) for byte in _BYTES}
    | {0x10FF00 + byte: _MARK + chr(0x10FF00 + byte) for byte in _BYTES}
    | {ord(_MARK): 2 * _MARK}
)
_STORED = re.compile(f"{_MARK}(.)|([\U0010ff80-\U0010ffff])", re.DOTALL)


class Moment(TypeDecorator[datetime]):
    """A point in time: a timezone-aware datetime in Python, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC, since SQLite stores no time zone.

        Raises ValueError: the time has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone: {value.isoformat()}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time with its time zone, UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FilePath(TypeDecorator[str]):
    """A file's path, which may contain any bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path in a form that both databases store; the mapping is one to one."""
        del dialect
        return value if value is None or value.isascii() else value.translate(_TO_STORED)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path as it was."""
        del dialect
        return value if value is None or value.isascii() else _STORED.sub(_decoded, value)


class ArchivePath(FilePath):
    """A radiograph's path: on this machine in Python, in its stored form in the database."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path in the form that this site stores."""
        stored = None if value is None else archive_at(dialect).stored(value)
        return super().process_bind_param(stored, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path on this machine."""
        stored = super().process_result_value(value, dialect)
        return None if stored is None else archive_at(dialect).here(stored)


class Prose(TypeDecorator[str]):
    """Text from outside: characters that cannot be stored become question marks."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace NUL, which PostgreSQL refuses, and lone surrogates, which are not in UTF-8."""
        del dialect
        if value is None:
            return None
        return value.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def _decoded(found: re.Match[str]) -> str:
    return found[1] or chr(ord(found[2]) - 0x10FF00 + 0xDC00)


def one_of(values: type[StrEnum], name: str) -> Enum:
    """Return the column type of an enum's values, with a CHECK constraint called ``name``."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


def measure_column(measure: Measure) -> Column[Any]:
    """Return the column of a measure."""
    kind: TypeEngine[Any]
    if issubclass(measure.holds, StrEnum):
        kind = one_of(measure.holds, measure.name)
    else:
        kind = Boolean() if measure.holds is bool else Float()
    return Column(measure.name, kind, nullable=not measure.required, index=measure.indexed or None)


def gap_index(measure: Measure) -> Index:
    """Return the index of the rows that lack a measure."""
    lacking = text(f"{measure.name} IS NULL")
    return Index(
        f"ix_measurement_{measure.name}_lacking",
        "id",
        sqlite_where=lacking,
        postgresql_where=lacking,
    )


def total(count: ColumnElement[int]) -> Cast[int]:
    """Return the sum of an integer column as an integer; NULL for no rows.

    PostgreSQL's sum of bigint is numeric, which becomes a Decimal in Python.
    """
    return cast(func.sum(count), BigInteger)


def is_kept(path: Column[str]) -> ColumnElement[bool]:
    """Return the condition that a column contains a path, not a hash."""
    return func.substr(type_coerce(path, Text), 1, len(HASHED_MARK)) != HASHED_MARK


def path_digest(path: str) -> str:
    """Return the key of a stored path, 32 hex digits.

    PostgreSQL refuses index entries above 2704 bytes and a path may have 4096.
    """
    return hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()


def stored_digest(connection: Connection, path: str) -> str:
    """Return the key under which a path of this machine is stored."""
    return path_digest(archive_at(connection.dialect).stored(path))


def path_digests(connection: Connection, paths: Iterable[str]) -> list[str]:
    """Return the keys under which files at these paths may have been stored."""
    return [path_digest(each) for path in paths for each in spellings(connection, path)]
