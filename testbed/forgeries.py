"""Forged messages, with every field that Celery and kombu know."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from scheduler.messages import MEASURE, ROUTINE_QUEUE, TRAIN, TRAINING_QUEUE, UPKEEP, UPKEEP_QUEUE

#: Text that must not appear in a log.
SECRET = "ZZSECRET"  # noqa: S105 - made up
TASK_ID = "0b8f3c5e-3f0e-4a83-9b0e-1f0f5e6c7d8a"

#: Headers of protocol 2, of protocol 1, and of transports.
HEADERS = (
    *("lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries"),
    *("timelimit", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result"),
    *("replaced_task_nesting", "stamped_headers", "stamps", "meth", "chord", "taskset", "utc"),
    *("callbacks", "compression", "redelivered", "delivery_info", "reply_to", "args"),
)
PROPERTIES = (
    *("correlation_id", "reply_to", "delivery_mode", "delivery_info", "priority", "body_encoding"),
    *("delivery_tag", "redelivered", "expiration", "compression", "content_type", "headers"),
)
DELIVERY = ("exchange", "routing_key", "redelivered", "consumer_tag")
ENVELOPE = ("body", "content-type", "content-encoding", "headers", "properties", "redelivered")
EMBEDDED = ("callbacks", "errbacks", "chain", "chord", SECRET)

ABSENT = object()
VALUES: tuple[Any, ...] = (
    *(ABSENT, None, True, 0, 1, 1 << 80, 0.5, float("nan"), float("-inf"), "", SECRET, "\ud800"),
    *([], [SECRET, None], {}, {SECRET: [1]}, {"__type__": [], "__value__": []}, "a" * 70_000),
    *({"__type__": "bytes", "__value__": "AA=="}, {"__type__": "decimal", "__value__": "sNaN"}),
    *("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"),
)
#: Celery's built-in tasks, and an unknown one.
STRANGE_TASKS = (
    *("celery.chord_unlock", "celery.backend_cleanup", "celery.accumulate", "celery.chain"),
    *("celery.group", "celery.chord", "celery.map", "celery.starmap", "celery.chunks", SECRET),
)


def sound(task: str = MEASURE, number: int = 1) -> dict[str, Any]:
    """Return a message as thoraq sends it, before it is encoded as JSON."""
    queue = {MEASURE: ROUTINE_QUEUE, TRAIN: TRAINING_QUEUE, UPKEEP: UPKEEP_QUEUE}.get(task)
    arguments = {MEASURE: {"chunk_id": number}, TRAIN: {"run_id": number}}.get(task, {})
    headers: dict[str, Any] = {"lang": "py", "task": task, "id": TASK_ID, "root_id": TASK_ID}
    properties: dict[str, Any] = {
        "correlation_id": TASK_ID,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue or ROUTINE_QUEUE},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
    }
    return {
        "body": encoded([[], arguments, {}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }


def encoded(body: object) -> str:
    """Return a body as encoded in an envelope."""
    return base64.b64encode(json.dumps(body).encode()).decode()


def forged(number: int = 1) -> Iterator[str]:
    """Yield every field with every value, for every task."""
    for name, value in itertools.product(HEADERS, VALUES):
        yield _with(MEASURE, number, ("headers", name), value)
    for task, name, value in itertools.product((TRAIN, UPKEEP), HEADERS, (ABSENT, 1, SECRET)):
        yield _with(task, number, ("headers", name), value)
    for name, value in itertools.product(PROPERTIES, VALUES):
        yield _with(MEASURE, number, ("properties", name), value)
    for name, value in itertools.product(DELIVERY, VALUES):
        yield _with(MEASURE, number, ("properties", "delivery_info", name), value)
    for name, value in itertools.product(ENVELOPE, VALUES):
        yield _with(MEASURE, number, (name,), value)
    for task in STRANGE_TASKS:
        yield json.dumps(sound(task))
    for body in _bodies(number):
        yield json.dumps(sound() | {"body": encoded(body)})
    # Protocol 1: everything is in the body.
    old = {"task": MEASURE, "id": TASK_ID, "args": [], "kwargs": {"chunk_id": number}}
    for headers in ({}, None, {"lang": "py"}):
        yield json.dumps(sound() | {"headers": headers, "body": encoded(old)})


def garbage() -> Iterator[bytes]:
    """Yield bytes that are not a message."""
    for text in ("", "no message", "{", "nul", "[" * 100_000, "9" * 5_000, '{"a":1e999}', "\x00"):
        yield text.encode()
    yield b"\xff\xfe" + SECRET.encode()
    yield json.dumps(SECRET).encode()
    for value in VALUES:
        if value is not ABSENT:
            yield json.dumps(value).encode()
            yield json.dumps([value, value, value]).encode()


def _bodies(number: int) -> Iterator[object]:
    for value in VALUES:
        if value is ABSENT:
            continue
        yield value
        yield [value, {"chunk_id": number}, {}] if value != [] else [[1], {}, {}]
        yield [[], value, {}]
        yield (
            [[], {"chunk_id": value}, {}] if value not in (1, True) else [[], {"chunk_id": {}}, {}]
        )
        for name in EMBEDDED:
            yield [[], {"chunk_id": number}, {name: value}]


def _with(task: str, number: int, path: tuple[str, ...], value: object) -> str:
    message = sound(task, number)
    *way, name = path
    place: Any = message
    for each in way:
        place = place[each]
    if value is ABSENT:
        place.pop(name, None)
    else:
        place[name] = value
    return json.dumps(message)
