"""Who listens: the workers of each queue, asked through the broker."""

from __future__ import annotations

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from scheduler.app import create_app

#: A worker's parent process answers at once, also while its child is busy.
_PATIENCE_SECONDS = 1.0


def workers_of(broker_url: str, queue: str) -> list[str]:
    """Name the workers that take from a queue; none where nobody answers."""
    return sorted(name for name, queues in queues_taken(broker_url).items() if queue in queues)


def queues_taken(broker_url: str) -> dict[str, frozenset[str]]:
    """Return the queues that each worker takes from, by name; empty where nobody answers."""
    app = create_app(broker_url)
    try:
        said = app.control.inspect(timeout=_PATIENCE_SECONDS).active_queues() or {}
    except (OperationalError, RedisError, OSError):
        return {}
    finally:
        app.close()
    return {name: frozenset(each["name"] for each in queues) for name, queues in said.items()}
