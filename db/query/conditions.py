"""Conditions on single columns of the results, as an operator writes them: ``age_years<18``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Enum,
    String,
    Text,
    cast,
    func,
    literal,
    or_,
    type_coerce,
)

from db.bulk import is_postgres
from db.columns import ArchivePath, FilePath, Moment, Prose
from db.dialect_paths import spellings
from db.records import Comparison, Condition, Scalar
from db.tables import measurement, radiograph

#: Columns that cannot be compared: lists, and identifiers that are stored hashed.
_LEFT_OUT = {"id", "radiograph_id", "points", "spreads", "size", "created_at"} | {
    "patient_id",
    "accession",
    "content_digest",
}
#: Columns with another name outside the database.
_CALLED = {"model_version": "model"}

COMPARABLE: dict[str, Column[Any]] = {
    "radiograph": radiograph.c.id,
    **{
        _CALLED.get(column.name, column.name): column
        for table in (radiograph, measurement)
        for column in table.c
        if column.name not in _LEFT_OUT
    },
}

# Longer operators first; words are separated from the column.
_COLUMN = re.compile(r"\s*(\w+)")
_SIGN = re.compile(r"\s*(<=|>=|!=|<|>|=)\s*")
_WORDS = re.compile(
    r"\s+(is\s+not\s+null|is\s+null|not\s+like|like|contains)(?!\w)\s*", re.IGNORECASE
)
_NULL = {"is null": Comparison.EQUAL, "is not null": Comparison.UNEQUAL}
_ORDERS: dict[Comparison, Callable[..., Any]] = {
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
}
_OF_TEXTS = frozenset({Comparison.LIKE, Comparison.UNLIKE, Comparison.CONTAINS})
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
#: As long as a path; SQLite refuses patterns of 50,000 bytes.
_LONGEST_PATTERN = 4096
_TRAILING_ESCAPE = re.compile(r"(?:[^\\]|\\.)*\\", re.DOTALL)


def parse_condition(text: str) -> Condition:
    """Parse ``COLUMN OPERATOR VALUE``, ``COLUMN [not] like PATTERN``, ``COLUMN contains TEXT``.

    Also ``COLUMN is [not] null``; an empty value after = or != means the same. A value may be
    quoted: ``'it''s'``. In a pattern % matches any text and _ any one character, unless preceded
    by a backslash. Matching is case-sensitive.

    Raises ValueError, with the position and the valid columns or values.
    """
    named = _COLUMN.match(text)
    signed = named and (_SIGN.match(text, named.end()) or _WORDS.match(text, named.end()))
    if named is None or signed is None:
        at = 1 if named is None else len(text[: named.end()].rstrip()) + 1
        raise ValueError(
            f"{text!r} is not a condition, such as age_years<18, view=PA, path like '%chest%' or"
            f" ict is null: an operator is missing (at character {at})"
        )
    name = named[1]
    column = COMPARABLE.get(name)
    if column is None:
        close = get_close_matches(name, COMPARABLE, 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(
            f"no column {name!r} (at character {named.start(1) + 1}){meant}; the columns are:"
            f" {', '.join(sorted(COMPARABLE))}"
        )
    sign = " ".join(signed[1].lower().split())
    written = text[signed.end() :].rstrip()
    where = f" (at character {signed.end() + 1})"
    if sign in _NULL:
        if written:
            raise ValueError(f"{sign!r} takes no value, such as {written!r}{where}")
        return Condition(name, _NULL[sign], None)
    comparison = Comparison(sign)
    try:
        if comparison in _OF_TEXTS:
            return Condition(name, comparison, _text(column, name, comparison, written))
        if written:
            return Condition(name, comparison, _value(column, name, _unquoted(written)))
    except ValueError as exc:
        raise ValueError(f"{exc}{where}") from None
    if comparison not in {Comparison.EQUAL, Comparison.UNEQUAL}:
        raise ValueError(f"{text!r} has no value to compare with{where}")
    return Condition(name, comparison, None)


def as_sql(connection: Connection, condition: Condition) -> ColumnElement[bool]:
    """Return the condition on the joined tables; absent values are neither less nor greater."""
    column: Column[Any] = COMPARABLE[condition.column]
    value = condition.value
    match condition.comparison:
        case Comparison.EQUAL:
            return _equal(connection, column, value)
        case Comparison.UNEQUAL:
            return _unequal(connection, column, value)
        case Comparison.LIKE:
            return _like(connection, column, str(value))
        case Comparison.UNLIKE:
            return ~_like(connection, column, str(value))
        case Comparison.CONTAINS:
            holds = func.strpos if is_postgres(connection) else func.instr
            literals = _literals(connection, column, str(value))
            found = or_(*(holds(_as_text(column), each) > 0 for each in literals))
            return type_coerce(found, Boolean)
        case order:
            compared: ColumnElement[bool] = _ORDERS[order](column, value)
            return compared


def _equal(
    connection: Connection, column: Column[Any], value: Scalar | None
) -> ColumnElement[bool]:
    if value is not None and isinstance(column.type, ArchivePath):
        return column.in_(_literals(connection, column, str(value)))
    return column == value  # None: IS NULL


def _unequal(
    connection: Connection, column: Column[Any], value: Scalar | None
) -> ColumnElement[bool]:
    if isinstance(column.type, ArchivePath):
        return ~_equal(connection, column, value)  # a path is never NULL
    return column.is_distinct_from(value)


def _like(connection: Connection, column: Column[Any], pattern: str) -> ColumnElement[bool]:
    """Return a pattern match; on SQLite by GLOB, since LIKE ignores the case of a to z there."""
    if is_postgres(connection):
        likes = _literals(connection, column, pattern)
        return or_(*(_as_text(column).like(each, escape="\\") for each in likes))
    glob, escaped = "", False
    for char in pattern:
        if not escaped and char == "\\":
            escaped = True
            continue
        wild = {"%": "*", "_": "?"}.get(char) if not escaped else None
        glob += wild or (f"[{char}]" if char in "*?[" else char)
        escaped = False
    globs = _literals(connection, column, glob)
    return or_(*(_as_text(column).op("GLOB", is_comparison=True)(each) for each in globs))


def _as_text(column: Column[Any]) -> ColumnElement[Any]:
    """Return an enumeration's column as its stored text, any other column unchanged."""
    return cast(column, Text) if isinstance(column.type, Enum) else column


def _literals(connection: Connection, column: Column[Any], text: str) -> list[ColumnElement[Any]]:
    """Return the texts to compare with: for a path every form in which it may be stored."""
    if not isinstance(column.type, ArchivePath):
        return [literal(text, column.type if isinstance(column.type, FilePath) else Text)]
    return [literal(each, FilePath) for each in spellings(connection, text)]


def _unquoted(text: str) -> str:
    """Return a value without its quotes; one that is not quoted as a whole is unchanged."""
    inner = text[1:-1]
    quoted = len(text) > 1 and text.startswith("'") and text.endswith("'")
    return inner.replace("''", "'") if quoted and "'" not in inner.replace("''", "") else text


def _text(column: Column[Any], name: str, comparison: Comparison, written: str) -> str:
    """Return the text or pattern to match. Raises ValueError."""
    text = _unquoted(written)
    if text == written and text.startswith("'"):
        raise ValueError(f"{written} has no closing quote, or one that is not doubled")
    if not isinstance(column.type, (String, FilePath, Prose)):
        raise ValueError(f"{comparison} needs a text column, which {name} is not")  # noqa: TRY004
    if not text:
        raise ValueError(f"{comparison} has no value to compare with")
    if len(text) > _LONGEST_PATTERN:
        raise ValueError(f"the text has {len(text)} characters, more than {_LONGEST_PATTERN}")
    if comparison is not Comparison.CONTAINS and _TRAILING_ESCAPE.fullmatch(text):
        raise ValueError("a backslash at the end of a pattern escapes nothing; double it")
    return _stored(column, text)


def _stored(column: Column[Any], text: str) -> str:
    # Neither database accepts text that is not UTF-8; only path columns have an encoding for it.
    return text if isinstance(column.type, FilePath) else text.encode("utf-8", "replace").decode()


def _value(column: Column[Any], name: str, text: str) -> Scalar:
    kind: type[Any] = datetime if isinstance(column.type, Moment) else column.type.python_type
    if issubclass(kind, StrEnum):
        for member in kind:
            if member.value.lower() == text.lower():
                return member
        raise ValueError(f"{name} is one of {', '.join(kind)}, not {text!r}")
    if kind is bool:
        if text.lower() not in _FLAGS:
            raise ValueError(f"{name} is true or false, not {text!r}")
        return _FLAGS[text.lower()]
    try:
        if kind is datetime:
            return datetime.fromisoformat(text).astimezone(UTC)
        if kind is date:
            return date.fromisoformat(text)
        if kind in {int, float}:
            return _number(column, kind(text))
        return _stored(column, text)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is a {kind.__name__}, not {text!r}") from None


def _number(column: Column[Any], number: float) -> float:
    """Return a number that the column could hold. Raises ValueError."""
    bits = 63 if isinstance(column.type, BigInteger) else 31
    if not (math.isfinite(number) if isinstance(number, float) else -(2**bits) <= number < 2**bits):
        raise ValueError(number)
    return number
