"""Measuring files in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from network.card import shipped_card
from scheduler.devices import choose_devices, find_devices
from scheduler.intake.submission import found_below
from scheduler.logs import hand_over_logs
from scheduler.rights import private_files
from scheduler.settings import read_settings
from worker.file_records import FileCount, MeasuredFile, UnmeasuredFile
from worker.local_measurement import measure_files
from worker.networks import card_of

#: A path, or several.
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def measure(
    paths: Paths,
    *,
    model: str | None = None,
    device: str = "auto",
    state: str | os.PathLike[str] | None = None,
    progress: Callable[[FileCount], None] | None = None,
) -> Iterator[MeasuredFile | UnmeasuredFile]:
    """Measure files and folders in this process, without queue or database.

    Yields one record per file, in the order in which they are found, with the same numbers that
    `thoraq process` stores, or with the code of the reason why it was not measured. Files are read
    as the iterator advances, so memory use does not grow with their number.

    ``model``: version of the network; None: the shipped one. ``device``: auto (the first
    accelerator, else the CPU), cpu, or cuda:N. ``state``: state folder with the key for hashing
    patient numbers and with converted networks; None: from the settings. ``progress`` is called
    with the counts after each device batch.

        >>> import thoraq
        >>> paths = ["/srv/archive/PHANTOM-0004", "/srv/archive/README.txt"]
        >>> for each in thoraq.measure(paths, state="/srv/thoraq"):
        ...     if isinstance(each, thoraq.MeasuredFile):
        ...         print(each.measurement.ict.rule, len(each.measurement.points))
        ...     else:
        ...         print(each.code)
        none-view-unknown 19
        adult-pa 19
        not-an-image

    Raises PlaceMissing, PlaceForbidden, DeviceMissing, ModelUnavailable, WrongSetting before the
    first record; later DeviceFailed and ReaderUnavailable, which are caused by this machine, not by
    a file.
    """
    hand_over_logs()
    settings = read_settings(None if state is None else Path(state))
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    met = found_below([Path(each) for each in several], settings)
    card = card_of(shipped_card().version if model is None else model, settings)
    chosen = choose_devices(device, find_devices())[0]
    with private_files(settings):
        settings.state.mkdir(parents=True, exist_ok=True)
    return measure_files(
        met,
        card,
        settings,
        device=chosen,
        name=f"python@{socket.gethostname()}",
        progress=progress or (lambda _: None),
    )
