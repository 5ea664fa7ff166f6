"""Messages contain only the id of a chunk."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from celery import Celery

from db.states import Priority
from scheduler.errors import MessageInvalid
from scheduler.messages import (
    MEASURE,
    QUEUE_OF,
    ROUTINE_QUEUE,
    TRAIN,
    UPKEEP,
    measure_message,
    read_call,
    train_message,
    valid_id,
)

TASK_ID = "0b8f3c5e-3f0e-4a83-9b0e-1f0f5e6c7d8a"


@pytest.mark.parametrize("chunk_id", ["1", 0, -1, 1.0, True, None, [1]])
def test_an_invalid_chunk_id_is_refused(chunk_id: object) -> None:
    with pytest.raises(MessageInvalid):
        valid_id(chunk_id)


@pytest.mark.parametrize("priority", list(Priority))
def test_a_message_in_redis_is_json_and_names_only_the_chunk(
    app: Celery, priority: Priority
) -> None:
    app.send_task(MEASURE, kwargs=measure_message(42), queue=QUEUE_OF[priority])
    with app.connection_for_read() as connection:
        [raw] = connection.default_channel.client.lrange(QUEUE_OF[priority], 0, -1)
    message = json.loads(raw)
    assert message["content-type"] == "application/json"
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([], {"chunk_id": 42})


@pytest.mark.parametrize(
    ("task", "arguments", "options"),
    [
        (MEASURE, measure_message(42), {}),
        (TRAIN, train_message(7), {}),
        (UPKEEP, {}, {"expires": 10.0}),
        # Sent by upkeep, which is a task itself.
        (MEASURE, measure_message(42), {"parent_id": TASK_ID, "root_id": TASK_ID}),
    ],
)
def test_only_messages_that_thoraq_sends_are_accepted(
    app: Celery, task: str, arguments: dict[str, int], options: dict[str, Any]
) -> None:
    app.send_task(task, kwargs=arguments, queue=ROUTINE_QUEUE, **options)
    with app.connection_for_read() as connection:
        [raw] = connection.default_channel.client.lrange(ROUTINE_QUEUE, 0, -1)
    message = json.loads(raw)
    headers, body = message["headers"], json.loads(base64.b64decode(message["body"]))
    called = read_call(headers, lambda: body)
    assert (called.task, called.arguments) == (task, arguments)

    positional, named, embedded = body
    for strange in (
        [[1], named, embedded],
        [positional, named | {"path": "/etc"}, embedded],
        [positional, named, embedded | {"chain": [{"task": "os.system"}]}],
    ):
        with pytest.raises(MessageInvalid):
            read_call(headers, lambda strange=strange: strange)  # type: ignore[misc]
    for header in (
        {"eta": "2100-01-01T00:00:00"},
        {"timelimit": [0.1, 0.1]},
        {"stamped_headers": 1},
    ):
        with pytest.raises(MessageInvalid):
            read_call(headers | header, lambda: body)
