"""Messages that crashed workers: counted, removed from their queue, and kept for inspection."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from scheduler.broker import connect
from scheduler.broker_keys import SET_ASIDE, SUSPECTS

#: Lifetime of the counts after the last delivery.
_SUSPECTED_SECONDS = 86_400
_MOST_DEATHS = 2
_MOST_KEPT = 100
_LARGEST_KEPT_CHARACTERS = 16_384


def is_deadly(client: Redis, tag: str) -> bool:
    """Count a delivery to this worker; return whether the message has crashed two before."""
    try:
        with client.pipeline() as pipe:
            pipe.hincrby(SUSPECTS, tag, 1)
            pipe.expire(SUSPECTS, _SUSPECTED_SECONDS)
            return int(pipe.execute()[0]) > _MOST_DEATHS
    except ResponseError:  # the disk of Redis is full, or the key has another type
        return False


def acquit(client: Redis, tag: str) -> None:
    """Record that this worker survived a message."""
    with suppress(ResponseError):
        client.hdel(SUSPECTS, tag)


def set_aside(client: Redis, message: Any) -> None:
    """Keep kombu's ``message`` for inspection, among the latest hundred."""
    kept: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "queue": message.delivery_info["routing_key"],
        "headers": message.headers,
        "body": message.body.decode(errors="replace"),
    }
    with suppress(ResponseError), client.pipeline() as pipe:
        pipe.lpush(SET_ASIDE, json.dumps(kept, default=str)[:_LARGEST_KEPT_CHARACTERS])
        pipe.ltrim(SET_ASIDE, 0, _MOST_KEPT - 1)
        pipe.execute()


def count_set_aside(broker_url: str) -> int:
    """Return how many messages are kept; 0 if the broker does not answer."""
    try:
        with connect(broker_url) as client:
            return int(client.llen(SET_ASIDE))
    except (RedisError, OSError, ValueError):
        return 0
