"""What several commands do first: the database is brought up to date, a pause is told."""

from __future__ import annotations

from cli.naming import is_shipped_name
from cli.shell import quoted
from db.database import Database
from db.models import find_model, register_shipped
from db.pauses import paused_queues
from db.records import Batch
from db.schema import upgrade
from db.states import QueueName
from network.card import shipped_card
from scheduler.settings import Settings


def prepare(settings: Settings, model: str | None = None) -> Database:
    """Bring the database up to date and note the shipped network; a promoted one stays served.

    ``model``: a version that has to be there. Raises DatabaseError, ModelUnknown, NetworkError.
    """
    upgrade(settings.database)
    database = Database.open(settings.database)
    card = shipped_card()
    register_shipped(
        database, card.version, card.weights_digest, card.card, shipped=is_shipped_name
    )
    if model is not None:
        find_model(database, model)
    return database


def paused(database: Database, batch: Batch) -> str | None:
    """Return why nothing of a batch starts, with the command that changes it; None: it runs."""
    if batch.paused_at is not None:
        since = batch.paused_at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"paused since {since}: `thoraq resume {quoted(batch.name)}`"
    queue = QueueName(batch.priority)
    if (at := paused_queues(database).get(queue)) is not None:
        since = at.astimezone().isoformat(sep=" ", timespec="minutes")
        return f"the {queue} queue is paused since {since}: `thoraq resume --queue {queue}`"
    return None
