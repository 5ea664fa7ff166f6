"""Filters and orders from arguments of commands and programs, checked and converted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from db.query.conditions import parse_condition
from db.query.failure_records import FAILURE_STATES, FailureFilter
from db.query.failures import SORTABLE
from db.query.order import Order, parse_order
from db.records import Condition, ResultFilter
from db.states import JobState
from radiograph.records import Bucket
from results.errors import ArgumentInvalid
from scheduler.names import named_path, named_study
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings

Made = TypeVar("Made")

#: The largest count: a signed 32-bit integer.
MOST = 2**31 - 1


def result_filter(
    settings: Settings,
    *,
    batch: str | None = None,
    bucket: str | None = None,
    ict_above: float | None = None,
    ict_below: float | None = None,
    enlarged: bool | None = None,
    since: date | str | None = None,
    until: date | str | None = None,
    study_from: date | str | None = None,
    study_to: date | str | None = None,
    patient: str | None = None,
    study: str | None = None,
    model: str | None = None,
    where: str | Condition | Sequence[str | Condition] = (),
    limit: int | None = None,
) -> ResultFilter:
    """Return the filter of results, with PatientIDs hashed and paths made absolute.

    Raises ArgumentInvalid.
    """
    conditions = [where] if isinstance(where, str | Condition) else where
    return ResultFilter(
        batch=batch,
        bucket=_made("bucket", Bucket, bucket),
        ict_above=_made("ict_above", _number, ict_above),
        ict_below=_made("ict_below", _number, ict_below),
        enlarged=enlarged,
        since=_made("since", _moment, since),
        until=_made("until", _moment, until),
        study_date_from=_made("study_from", _day, study_from),
        study_date_to=_made("study_to", _day, study_to),
        patient=None if patient is None else Pseudonyms.in_use(settings).stored(patient),
        study=None if study is None else named_study(study),
        model=model,
        where=tuple(
            each if isinstance(each, Condition) else checked("where", parse_condition, each)
            for each in conditions
        ),
        limit=_made("limit", _count, limit),
    )


def failure_filter(
    *,
    batch: str | None = None,
    codes: str | Sequence[str] = (),
    path: str | None = None,
    since: date | str | None = None,
    until: date | str | None = None,
    failed: bool | None = None,
    limit: int | None = None,
) -> FailureFilter:
    """Return the filter of failures. ``failed``: False for files set aside, None for both.

    Raises ArgumentInvalid.
    """
    states = {True: (JobState.FAILED,), False: (JobState.SET_ASIDE,), None: FAILURE_STATES}
    return FailureFilter(
        batch=batch,
        states=states[failed],
        codes=((codes,) if isinstance(codes, str) else tuple(codes)) or None,
        path=None if path is None else named_path(path),
        since=_made("since", _moment, since),
        until=_made("until", _moment, until),
        limit=_made("limit", _count, limit),
    )


def result_order(sort: str | None) -> Order | None:
    """Return the order of results; None: as measured. Raises ArgumentInvalid."""
    return _made("sort", parse_order, sort)


def failure_order(sort: str | None) -> Order | None:
    """Return the order of failures; None: newest first. Raises ArgumentInvalid."""
    return _made("sort", lambda text: parse_order(text, tuple(SORTABLE)), sort)


def checked(name: str, make: Callable[[Any], Made], value: object) -> Made:
    """Return an argument converted by ``make``. Raises ArgumentInvalid, which names it."""
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError, AttributeError) as exc:
        raise ArgumentInvalid(f"{name}: {exc}") from exc


def _made(name: str, make: Callable[[Any], Made], value: object) -> Made | None:
    """Return a converted argument; None if it is absent. Raises ArgumentInvalid."""
    return None if value is None else checked(name, make, value)


def _number(value: float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _count(value: int) -> int:
    if not 1 <= value <= MOST:
        raise ValueError(f"{value!r} is not between 1 and {MOST}")
    return int(value)


def _moment(value: date | str) -> datetime:
    """Return a time in UTC; without an offset it is local, and a date is its midnight."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.astimezone(UTC)


def _day(value: date | str) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value.date() if isinstance(value, datetime) else value
