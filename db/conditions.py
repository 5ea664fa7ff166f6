"""Conditions on single columns of the results, as an operator writes them: ``age_years<18``."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, String

from db.columns import Moment
from db.records import Comparison, Condition, Scalar
from db.tables import measurement, radiograph

#: Not to be compared: lists, and identifiers that are stored hashed.
_LEFT_OUT = {"id", "radiograph_id", "points", "spreads", "size", "created_at"} | {
    "patient_id",
    "accession",
}
#: Columns that are called otherwise outside the database.
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

# The longer signs first.
_WRITTEN = re.compile(r"\s*(\w+)\s*(<=|>=|!=|<|>|=)\s*(.*?)\s*", re.DOTALL)
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def parse_condition(text: str) -> Condition:
    """Read ``COLUMN SIGN VALUE``; an empty value after = or != stands for what is absent.

    Raises ValueError: says what can be compared, and with what.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is no condition, such as age_years<18 or view=PA")
    name, sign, value = written.groups()
    column = COMPARABLE.get(name)
    if column is None:
        raise ValueError(f"no column {name!r}; those there are: {', '.join(sorted(COMPARABLE))}")
    comparison = Comparison(sign)
    if value:
        return Condition(name, comparison, _value(column, name, value))
    if comparison not in {Comparison.EQUAL, Comparison.UNEQUAL}:
        raise ValueError(f"{text!r} compares with nothing")
    return Condition(name, comparison, None)


def as_sql(condition: Condition) -> ColumnElement[bool]:
    """Return the condition on the joined tables; what is absent is neither less nor more."""
    column: Column[Any] = COMPARABLE[condition.column]
    value = condition.value
    match condition.comparison:
        case Comparison.EQUAL:
            return column == value  # None: IS NULL
        case Comparison.UNEQUAL:
            return column.is_distinct_from(value)
        case Comparison.BELOW:
            return column < value
        case Comparison.AT_MOST:
            return column <= value
        case Comparison.ABOVE:
            return column > value
        case Comparison.AT_LEAST:
            return column >= value


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
        # What is no UTF-8 neither database takes, and no column holds but that of paths.
        plain = isinstance(column.type, String)
        return text.encode("utf-8", "replace").decode() if plain else text
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is a {kind.__name__}, not {text!r}") from None


def _number(column: Column[Any], number: float) -> float:
    """Return a number that the column could hold. Raises ValueError."""
    bits = 63 if isinstance(column.type, BigInteger) else 31
    if not (math.isfinite(number) if isinstance(number, float) else -(2**bits) <= number < 2**bits):
        raise ValueError(number)
    return number
