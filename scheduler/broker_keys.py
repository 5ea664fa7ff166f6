"""The keys that thoraq and kombu keep in Redis, and the type each must have."""

from __future__ import annotations

from typing import Final

import structlog
from redis import Redis
from redis.exceptions import NoPermissionError

from scheduler.errors import BrokerKeyReplaced
from scheduler.messages import TASK_QUEUES

_log = structlog.stdlib.get_logger(__name__)

#: A key that is gone once Redis lost its memory.
MARK: Final = "thoraq.remembers"
#: How often a message was being handed to a worker that then ended, by delivery tag.
SUSPECTS: Final = "thoraq.suspects"
#: Messages that ended workers, the newest first.
SET_ASIDE: Final = "thoraq.set_aside"
#: When each process that takes from queues was last there, by its queues and name.
PRESENT: Final = "thoraq.present"

#: Where kombu keeps what was delivered and is not acknowledged.
_LOCK = "unacked_mutex"
#: What kombu locks it for; a lock that lasts longer is not of its making.
_LONGEST_LOCK_SECONDS = 300
_PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
_EXCHANGES = ("celery.pidbox", "reply.celery.pidbox", "celeryev", *TASK_QUEUES)
_QUEUE_KEYS = frozenset(f"{queue}{step}" for queue in TASK_QUEUES for step in _PRIORITIES)

_TYPES: Final[dict[str, str]] = {
    "unacked": "hash",
    "unacked_index": "zset",
    _LOCK: "string",
    SUSPECTS: "hash",
    SET_ASIDE: "list",
    PRESENT: "zset",
    "_kombu.binding_deadlines": "zset",
    **{f"_kombu.binding.{exchange}": "set" for exchange in _EXCHANGES},
    **{f"_kombu.binding_permanent.{exchange}": "set" for exchange in _EXCHANGES},
    **dict.fromkeys(_QUEUE_KEYS, "list"),
}


def mend_keys(client: Redis) -> None:
    """Remove the keys of another type than kombu expects, at which it would end every worker.

    Their messages are lost; without its mark upkeep sends all of them again.
    """
    try:
        with client.pipeline(transaction=False) as pipe:
            for key in _TYPES:
                pipe.type(key)
            pipe.ttl(_LOCK)
            *types, seconds = pipe.execute()
    except NoPermissionError:  # a user that may only send
        return
    wrong = [
        key
        for (key, expected), found in zip(_TYPES.items(), types, strict=True)
        if found.decode() not in {"none", expected}
    ]
    if _LOCK not in wrong and (seconds == -1 or seconds > _LONGEST_LOCK_SECONDS):
        wrong.append(_LOCK)  # nobody would bring messages of dead workers back again
    if not wrong:
        return
    client.delete(*wrong)
    if _QUEUE_KEYS.intersection(wrong):
        client.delete(MARK)
    _log.error("keys of a strange type were removed", code=BrokerKeyReplaced.code, keys=wrong)
