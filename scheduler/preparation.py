"""Preparation for any work: upgrading the database and registering the shipped network."""

from __future__ import annotations

from db.database import Database
from db.models import find_model, register_shipped
from db.schema import upgrade
from network.card import shipped_card
from scheduler.archive import open_database
from scheduler.names import is_shipped_name
from scheduler.rights import claim_state_folder
from scheduler.settings import Settings


def prepare(settings: Settings, model: str | None = None) -> Database:
    """Upgrade the database and register the shipped network; a promoted network stays served.

    ``model``: a version that must exist. Raises DatabaseError, ModelUnknown, NetworkError,
    WrongSetting.
    """
    claim_state_folder(settings)
    upgrade(settings.database)
    database = open_database(settings)
    card = shipped_card()
    register_shipped(
        database, card.version, card.weights_digest, card.card, shipped=is_shipped_name
    )
    if model is not None:
        find_model(database, model)
    return database
