"""Forged data that an attacker with access to the broker may write, one of each class."""

from __future__ import annotations

import json
import random
from uuid import uuid4

from redis import Redis

from scheduler.messages import ROUTINE_QUEUE, TASK_QUEUES
from testbed.forgeries import encoded, garbage, sound


def forge(client: Redis, chance: random.Random) -> None:
    """Forge a header, a key's type, a message, a delivery and a command to every worker."""
    message = sound()
    message["headers"]["stamped_headers"] = 1
    client.rpush(ROUTINE_QUEUE, json.dumps(message), *chance.sample([*garbage()], 5))
    tag = str(uuid4())
    client.hset("unacked", tag, chance.choice([*garbage()]))
    client.zadd("unacked_index", {tag: 1.0})
    for method, arguments in (
        ("cancel_consumer", {"queue": ROUTINE_QUEUE}),
        ("rate_limit", {"task_name": message["headers"]["task"], "rate_limit": "1/h"}),
        ("shutdown", {}),
    ):
        command = sound() | {"body": encoded({"method": method, "arguments": arguments})}
        client.publish("/0.celery.pidbox", json.dumps(command))
    client.publish("/0.celery.pidbox", chance.choice([*garbage()]))
    key = chance.choice([*TASK_QUEUES, "unacked", "unacked_index"])
    client.set(key, "of a strange type")
