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

#: SQLite numbers rows by itself only in a column declared INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")

# Bytes of a file name that are no UTF-8 arrive as U+DC80..U+DCFF (surrogateescape), which neither
# database can hold; they are kept in the last 128 code points of the last private plane. A name may
# hold these as well: there they follow U+10FF00, and so does that one itself.
_MARK = "\U0010ff00"
_BYTES = range(0x80, 0x100)
_TO_STORED = (
    {0xDC00 + byte: chr(0x10FF00 + byte) for byte in _BYTES}
    | {0x10FF00 + byte: _MARK + chr(0x10FF00 + byte) for byte in _BYTES}
    | {ord(_MARK): 2 * _MARK}
)
_STORED = re.compile(f"{_MARK}(.)|([\U0010ff80-\U0010ffff])", re.DOTALL)


class Moment(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone.

        Raises ValueError: the time has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value.isoformat()}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC, aware."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class FilePath(TypeDecorator[str]):
    """A file's path, whatever bytes its name holds."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path as both databases hold it; no two paths become the same."""
        del dialect
        return value if value is None or value.isascii() else value.translate(_TO_STORED)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path as it was."""
        del dialect
        return value if value is None or value.isascii() else _STORED.sub(_met, value)


class ArchivePath(FilePath):
    """A radiograph's path: in Python where this machine has it, in the database as it is stored."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path in the form of this site's archive."""
        stored = None if value is None else archive_at(dialect).stored(value)
        return super().process_bind_param(stored, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the path on this machine."""
        stored = super().process_result_value(value, dialect)
        return None if stored is None else archive_at(dialect).here(stored)


class Prose(TypeDecorator[str]):
    """Text from outside: what no database can hold becomes a question mark."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace NUL, which PostgreSQL refuses, and lone surrogates, which UTF-8 lacks."""
        del dialect
        if value is None:
            return None
        return value.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def _met(found: re.Match[str]) -> str:
    return found[1] or chr(ord(found[2]) - 0x10FF00 + 0xDC00)


def one_of(values: type[StrEnum], name: str) -> Enum:
    """Column type of an enum's values, held by a CHECK constraint called ``name``."""
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
    """Return the sum of a column of integers as an integer, NULL over no rows.

    PostgreSQL adds up bigint as numeric, which Python receives as a Decimal.
    """
    return cast(func.sum(count), BigInteger)


def is_kept(path: Column[str]) -> ColumnElement[bool]:
    """Whether a column holds a path, and not the hash of one."""
    return func.substr(type_coerce(path, Text), 1, len(HASHED_MARK)) != HASHED_MARK


def path_digest(path: str) -> str:
    """Key of a path, as it is stored, in 32 hex digits.

    PostgreSQL refuses index entries above 2704 bytes and a path may have 4096.
    """
    return hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()


def stored_digest(connection: Connection, path: str) -> str:
    """Key under which a path of this machine is stored."""
    return path_digest(archive_at(connection.dialect).stored(path))


def path_digests(connection: Connection, paths: Iterable[str]) -> list[str]:
    """Keys under which files at these paths may have been stored."""
    return [path_digest(each) for path in paths for each in spellings(connection, path)]
