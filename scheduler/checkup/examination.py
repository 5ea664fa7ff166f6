"""The examination: every check in its order."""

from __future__ import annotations

from collections.abc import Iterator

from scheduler.checkup.broker import check_broker, check_messages
from scheduler.checkup.check import Check, without_doctor
from scheduler.checkup.configuration import check_paths, check_settings
from scheduler.checkup.listener import check_listener
from scheduler.checkup.machine import check_devices, check_packages, check_python, check_weights
from scheduler.checkup.processes import check_processes
from scheduler.checkup.storage import check_database, check_state
from scheduler.settings import Settings


def examine(settings: Settings, *, here: bool = False) -> Iterator[Check]:
    """Yield each check as soon as it is done. ``here``: only those of this machine.

    Raises SettingsUntrusted, SettingsUnreadable, SettingsMissing.
    """
    yield from map(without_doctor, _checks(settings, here=here))


def _checks(settings: Settings, *, here: bool) -> Iterator[Check]:
    yield check_python()
    yield check_packages()
    yield from check_devices()
    yield check_weights()
    yield check_settings()
    yield check_state(settings)
    yield check_broker(settings)
    yield check_database(settings)
    yield from check_paths(settings)
    yield from check_listener(settings)
    if not here:
        yield from check_messages(settings)
        yield from check_processes(settings)
