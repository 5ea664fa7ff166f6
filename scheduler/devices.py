"""The devices of this machine, listed in a separate process.

Asking torch opens the device in the asking process, which must not fork afterwards. Without an
accelerator driver torch is not loaded: that takes seconds and half a gigabyte.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from string import ascii_lowercase

import psutil

from network.compute_device import ComputeDevice
from scheduler.errors import DeviceMissing, DevicesUnknown

#: Device files of the drivers of NVIDIA (including Tegra), AMD and WSL.
_DRIVERS = ("nvidia*", "nvhost*", "nvmap", "kfd", "dxg")
_LISTING_SECONDS = 120.0
#: Memory that one worker on the CPU takes with its reading processes, at most.
_BYTES_A_CPU_WORKER = 2 << 30
#: One worker's child measures about a thousand radiographs per second on any device: one thread of
#: Python takes in what was read, measures and stores. Four with four readers each came to 1.5 and
#: 1.9 times one with sixteen on an H200 (PNG, JPEG); more were not measured.
_CORES_A_SHARE, _MOST_SHARING = 4, 4
#: Of the device's memory, with room for training beside them.
_BYTES_A_SHARE = 4 << 30


def find_devices() -> tuple[ComputeDevice, ...]:
    """List the accelerators, then the CPU. Raises DevicesUnknown."""
    if not has_accelerator_driver(Path("/dev")):
        return (ComputeDevice("cpu", "cpu", 0, psutil.virtual_memory().total),)
    try:
        listing = subprocess.run(
            [sys.executable, "-m", "network.devices", "--json"],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LISTING_SECONDS,
        ).stdout
        return tuple(ComputeDevice(**each) for each in json.loads(listing))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as exc:
        raise DevicesUnknown from exc


def has_accelerator_driver(devices: Path) -> bool:
    """Whether there may be an accelerator; always true on systems other than Linux."""
    return sys.platform != "linux" or any(
        next(devices.glob(each), None) is not None for each in _DRIVERS
    )


def choose_devices(
    requested: str, found: Sequence[ComputeDevice], *, cores: int = 1, sharing: int | None = None
) -> tuple[str, ...]:
    """Return each worker's device: "auto", "cpu" or "cuda:N" ("cuda" and "rocm:N" are taken too).

    "auto" is every accelerator, else a worker for each core of the CPU as far as memory goes: the
    network computes in one thread, and reading takes what that leaves. ``sharing``: the workers on
    an accelerator; None: as many as its memory and the cores allow.
    Raises DeviceMissing.
    """
    memory = {f"cuda:{each.index}": each.memory_bytes for each in found if each.kind != "cpu"}
    accelerators = list(memory)
    if requested == "auto":
        sharing = sharing or _fed(cores, memory.values())
        return tuple(accelerators * sharing) or ("cpu",) * max(1, min(cores, _cpu_workers(found)))
    if requested == "cpu":
        return ("cpu",)
    # torch names AMD's devices cuda too; accept rocm:N as well.
    wanted = requested.replace("rocm", "cuda", 1)
    wanted = "cuda:0" if wanted == "cuda" else wanted
    if wanted not in accelerators:
        raise DeviceMissing.about(requested)
    return (wanted,) * (sharing or _fed(cores, [memory[wanted]]))


def split_share(requested: str) -> tuple[str, int]:
    """Return a device and which of the workers that share it: ``cuda:0.2`` is the second."""
    found = re.fullmatch(r"(.+)\.([1-9]\d?)", requested)
    if found is None or int(found[2]) > len(ascii_lowercase):
        return requested, 1
    return found[1], int(found[2])


def _fed(cores: int, memories: Collection[int]) -> int:
    """Return how many workers share each accelerator; ``memories``: bytes of each."""
    by_cores = cores // (_CORES_A_SHARE * max(1, len(memories)))
    by_memory = min(memories, default=0) // _BYTES_A_SHARE
    return max(1, min(_MOST_SHARING, by_cores, by_memory))


def _cpu_workers(found: Sequence[ComputeDevice]) -> int:
    memory = sum(each.memory_bytes for each in found if each.kind == "cpu")
    return memory // _BYTES_A_CPU_WORKER
