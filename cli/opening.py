"""What several commands do first: the database brought up to date, the processes to be run."""

from __future__ import annotations

from db.database import Database
from db.models import register_model
from db.schema import upgrade
from network.card import shipped_card
from scheduler.cores import usable_cores
from scheduler.devices import choose, find_devices
from scheduler.settings import Settings
from scheduler.stack import Stack


def prepare(settings: Settings) -> Database:
    """Bring the database up to date and serve the shipped network from it.

    Raises DatabaseError, NetworkError.
    """
    upgrade(settings.database)
    database = Database.open(settings.database)
    card = shipped_card()
    register_model(database, card.version, card.weights_digest, card.card, serve=True)
    return database


def open_stack(settings: Settings, device: str) -> Stack:
    """Return broker, upkeep and a worker a device, not yet started.

    Raises DevicesUnknown, DeviceMissing.
    """
    return Stack(settings, choose(device, find_devices(), cores=usable_cores()))
