"""A worker takes the next message although Redis did not answer its acknowledgement."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kombu import Consumer, Queue
from kombu.message import Message
from redis.exceptions import RedisError

from scheduler.app import create_app
from scheduler.messages import MEASURE, ROUTINE_QUEUE, measure_message
from testbed.servers.redis import RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path / "redis")
    made.start()
    yield made
    made.kill()


ENDS: dict[str, Callable[[Message], None]] = {
    "ack": lambda message: message.ack(),
    "reject": lambda message: message.reject(),
    "requeue": lambda message: message.requeue(),
}


@pytest.mark.parametrize("end", list(ENDS))
def test_a_lost_acknowledgement_does_not_block_the_next_message(
    server: RedisServer, end: str
) -> None:
    app = create_app(server.url)
    app.conf.broker_transport_options = app.conf.broker_transport_options | {"socket_timeout": 0.3}
    for number in (1, 2):
        app.send_task(MEASURE, kwargs=measure_message(number), queue=ROUTINE_QUEUE)
    taken: list[Message] = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        channel.basic_qos(prefetch_count=1)  # one at a time, like a worker
        consumer = Consumer(channel, [Queue(ROUTINE_QUEUE)], on_message=taken.append)
        with consumer:
            while not taken:
                connection.drain_events(timeout=5)
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises((RedisError, OSError)):
                    ENDS[end](taken[0])
            finally:
                os.kill(pid, signal.SIGCONT)
            for _ in range(20):
                with suppress(TimeoutError, RedisError):
                    connection.drain_events(timeout=1)
                if len(taken) > 1:
                    break
            assert len(taken) == 2
