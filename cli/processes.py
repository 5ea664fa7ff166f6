"""The processes that `process` and `up` run."""

from __future__ import annotations

from scheduler.cores import usable_cores
from scheduler.devices import choose, find_devices
from scheduler.settings import Settings
from scheduler.stack import Stack


def open_stack(settings: Settings, device: str, *, training: bool = False) -> Stack:
    """Return broker, upkeep and a worker a device, not yet started.

    Raises DevicesUnknown, DeviceMissing.
    """
    return Stack(settings, choose(device, find_devices(), cores=usable_cores()), training=training)
