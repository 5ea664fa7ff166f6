"""Who listens: the workers of each queue, asked through the broker."""

from __future__ import annotations

from scheduler.app import create_app

#: A worker's parent process answers at once, also while its child is busy.
_PATIENCE_SECONDS = 1.0


def workers_of(broker_url: str, queue: str) -> list[str]:
    """Name the workers that take from a queue; none where nobody answers."""
    return sorted(name for name, queues in queues_taken(broker_url).items() if queue in queues)


def queues_taken(broker_url: str) -> dict[str, frozenset[str]]:
    """Return the queues that each worker takes from, by name; empty where nobody answers.

    Strangers who reach the broker may answer too: what is no answer of a worker is none here.
    """
    app = create_app(broker_url)
    try:
        replies = app.control.inspect(timeout=_PATIENCE_SECONDS).active_queues() or {}
        return {
            str(name): frozenset(
                each["name"]
                for each in queues
                if isinstance(each, dict) and isinstance(each.get("name"), str)
            )
            for name, queues in replies.items()
            if isinstance(queues, list)
        }
    except Exception:  # noqa: BLE001 - a broker that is away, or whatever a stranger's answer causes
        return {}
    finally:
        app.close()
