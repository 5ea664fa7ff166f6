"""The processes that `process` and `up` run."""

from __future__ import annotations

from scheduler.cores import usable_cores
from scheduler.devices import choose_devices, find_devices
from scheduler.settings import Settings
from scheduler.stack import Stack


def open_stack(
    settings: Settings, device: str, *, training: bool = False, listening: bool = False
) -> Stack:
    """Return the broker, upkeep and workers, and the DICOM listener if asked for, not yet started.

    Raises DevicesUnknown, DeviceMissing.
    """
    devices = workers_devices(settings, device)
    return Stack(settings, devices, training=training, listening=listening)


def workers_devices(settings: Settings, device: str) -> tuple[str, ...]:
    """Return the device of each worker of this machine. Raises DevicesUnknown, DeviceMissing."""
    sharing = settings.device_workers
    return choose_devices(device, find_devices(), cores=usable_cores(), sharing=sharing)
