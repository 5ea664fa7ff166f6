"""The Redis keys of thoraq and kombu, and the type each must have."""

from __future__ import annotations

from typing import Final

import structlog
from redis import Redis
from redis.exceptions import NoPermissionError

from scheduler.errors import BrokerKeyReplaced
from scheduler.messages import TASK_QUEUES

_log = structlog.stdlib.get_logger(__name__)

#: A key whose absence shows that Redis has lost its data.
MARK: Final = "thoraq.remembers"
#: Deliveries that the worker has not survived so far, by delivery tag.
SUSPECTS: Final = "thoraq.suspects"
#: Messages that crashed workers, newest first.
SET_ASIDE: Final = "thoraq.set_aside"
#: Time of the last heartbeat of each process, by its queues and name.
PRESENT: Final = "thoraq.present"

#: kombu's lock for restoring unacknowledged messages.
_LOCK = "unacked_mutex"
#: Longest time kombu holds the lock; a longer one was not set by kombu.
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
    """Remove keys whose type differs from the one kombu expects, which would crash every worker.

    Their messages are lost; `MARK` is removed too, so that upkeep sends all of them again.
    """
    try:
        with client.pipeline(transaction=False) as pipe:
            for key in _TYPES:
                pipe.type(key)
            pipe.ttl(_LOCK)
            *types, seconds = pipe.execute()
    except NoPermissionError:  # this Redis user may only send
        return
    wrong = [
        key
        for (key, expected), found in zip(_TYPES.items(), types, strict=True)
        if found.decode() not in {"none", expected}
    ]
    if _LOCK not in wrong and (seconds == -1 or seconds > _LONGEST_LOCK_SECONDS):
        wrong.append(_LOCK)  # it would keep messages of dead workers from being restored
    if not wrong:
        return
    client.delete(*wrong)
    if _QUEUE_KEYS.intersection(wrong):
        client.delete(MARK)
    _log.error(
        "broker keys of the wrong type were removed", code=BrokerKeyReplaced.code, keys=wrong
    )
