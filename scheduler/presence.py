"""Presence: which processes consume from the queues, and when each last sent a heartbeat.

It is stored in Redis, with the time of Redis, since the clocks of machines differ; entries of ended
processes are kept too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from scheduler.broker import asking
from scheduler.broker_keys import PRESENT
from scheduler.messages import TASK_QUEUES

BEAT_SECONDS = 2.0
#: Longer than a busy machine delays a heartbeat.
SILENT_SECONDS = 15.0
#: Entries that are kept; containers get a new name with each start.
_MOST = 1000
_LONGEST_NAME = 255
#: Older entries are ignored: ten years.
_LONGEST_SECONDS = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Presence:
    """A process that consumes from ``queues``, or did. ``silent_seconds``: since its last beat."""

    name: str
    queues: frozenset[str]
    silent_seconds: float

    @property
    def is_here(self) -> bool:
        """Whether it is probably running."""
        return self.silent_seconds < SILENT_SECONDS


def note_presence(
    client: Redis, name: str, queues: Sequence[str], *, leaving: bool = False
) -> None:
    """Record that a process runs; ``leaving``: that it has ended. Failures are ignored."""
    with suppress(RedisError, OSError):
        now = _now(client)
        with client.pipeline(transaction=False) as pipe:
            seen_at = now - SILENT_SECONDS if leaving else now
            pipe.zadd(PRESENT, {f"{','.join(queues)} {name}": seen_at})
            # Entries in the future are not thoraq's, and would displace valid ones.
            pipe.zremrangebyscore(PRESENT, now + SILENT_SECONDS, "+inf")
            pipe.zremrangebyrank(PRESENT, 0, -_MOST - 1)
            pipe.execute()


def read_presences(broker_url: str, seconds: float) -> list[Presence] | None:
    """Return the recorded processes; None if this Redis user may not read them.

    ``seconds``: timeout of the broker's answer.
    Raises BrokerUnavailable, BrokerRefuses, BrokerUntrusted.
    """
    with asking(broker_url, seconds) as client:
        try:
            now = _now(client)
            found: Any = client.zrevrange(PRESENT, 0, _MOST - 1, withscores=True)
        except NoPermissionError:
            return None
        except ResponseError:  # the key is of another type; workers remove it
            return []
    noted = (_presence(member, now - score) for member, score in found)
    return [each for each in noted if each is not None]


def _now(client: Redis) -> float:
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


def _presence(member: bytes, silent_seconds: float) -> Presence | None:
    """Return the presence of an entry; None for an entry that thoraq did not write."""
    queues, _, name = member.decode(errors="replace").partition(" ")
    named = frozenset(queues.split(","))
    if not named <= set(TASK_QUEUES) or not 0 < len(name) <= _LONGEST_NAME:
        return None
    # An entry in the future would never expire; a few seconds ahead the clock was adjusted.
    if not -SILENT_SECONDS <= silent_seconds <= _LONGEST_SECONDS:
        return None
    return Presence(name, named, max(0.0, silent_seconds))
