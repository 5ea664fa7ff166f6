"""Presence: which processes take from the queues, and when each was last there.

Redis keeps it, by its own clock, since those of machines differ; also of processes that are gone.
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
#: Longer than a busy machine keeps a process from its beat.
SILENT_SECONDS = 15.0
#: Processes that are remembered; those of containers are called differently with each start.
_MOST = 1000
_LONGEST_NAME = 255
#: What was silent for longer is forgotten; seconds of ten years.
_LONGEST_SECONDS = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Presence:
    """A process that takes from ``queues``, or did. ``silent_seconds``: since its last beat."""

    name: str
    queues: frozenset[str]
    silent_seconds: float

    @property
    def is_here(self) -> bool:
        """Whether it is running, as far as can be known."""
        return self.silent_seconds < SILENT_SECONDS


def note_presence(
    client: Redis, name: str, queues: Sequence[str], *, leaving: bool = False
) -> None:
    """Note that a process is there; ``leaving``: that it no longer is. A failure is ignored."""
    with suppress(RedisError, OSError):
        now = _now(client)
        with client.pipeline(transaction=False) as pipe:
            seen_at = now - SILENT_SECONDS if leaving else now
            pipe.zadd(PRESENT, {f"{','.join(queues)} {name}": seen_at})
            # Times to come are nobody's of ours, and would push ours out.
            pipe.zremrangebyscore(PRESENT, now + SILENT_SECONDS, "+inf")
            pipe.zremrangebyrank(PRESENT, 0, -_MOST - 1)
            pipe.execute()


def read_presences(broker_url: str, seconds: float) -> list[Presence] | None:
    """Return who is or was there; None where the broker does not tell this user.

    ``seconds``: how long an answer is waited for.
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
    """Return what an entry says; None for one that thoraq did not make."""
    queues, _, name = member.decode(errors="replace").partition(" ")
    named = frozenset(queues.split(","))
    if not named <= set(TASK_QUEUES) or not 0 < len(name) <= _LONGEST_NAME:
        return None
    # In the future it would be there forever; a moment ahead is that of a clock that was set.
    if not -SILENT_SECONDS <= silent_seconds <= _LONGEST_SECONDS:
        return None
    return Presence(name, named, max(0.0, silent_seconds))
