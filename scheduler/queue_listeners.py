"""The workers of each queue, asked through the broker."""

from __future__ import annotations

from scheduler.app import create_app

#: A worker's parent process answers at once, even while its child is busy.
_PATIENCE_SECONDS = 1.0


def workers_of(broker_url: str, queue: str) -> list[str]:
    """Return the names of the workers of a queue; empty if none answers."""
    return sorted(name for name, queues in queues_taken(broker_url).items() if queue in queues)


def queues_taken(broker_url: str) -> dict[str, frozenset[str]]:
    """Return the queues of each worker, by its name; empty if none answers.

    Other clients of the broker may answer too; malformed answers are ignored.
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
    except Exception:  # noqa: BLE001 - no broker, or a malformed answer
        return {}
    finally:
        app.close()
