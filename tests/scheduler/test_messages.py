"""Messages carry a chunk's number and nothing else."""

from __future__ import annotations

import base64
import json

import pytest
from celery import Celery

from db.states import Priority
from scheduler.errors import MessageInvalid
from scheduler.messages import MEASURE, QUEUE_OF, measure_message, valid_id


@pytest.mark.parametrize("chunk_id", ["1", 0, -1, 1.0, True, None, [1]])
def test_whatever_is_no_number_of_a_chunk_is_refused(chunk_id: object) -> None:
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
