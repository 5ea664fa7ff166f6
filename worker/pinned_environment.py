"""Pinning: the environment in which a worker sees one device, or none.

Torch reads these variables when it is first imported, so they stand before Python starts. An
index counts among the devices a mask leaves, so a mask that is already there is narrowed, and
only the innermost is touched: combinations of new masks count anew and can hide every device.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.errors import DeviceMissing

#: NVIDIA's; AMD's runtime heeds it too unless its own is set.
_CUDA = "CUDA_VISIBLE_DEVICES"
_HIP = "HIP_VISIBLE_DEVICES"
_HIDDEN = "-1"


def pinned_environment(
    environment: Mapping[str, str], device: str, threads: int = 1
) -> dict[str, str]:
    """Return ``environment`` for a worker on ``device``: cpu or cuda:N. Raises DeviceMissing."""
    mask = _HIP if environment.get(_HIP) else _CUDA
    # Threads of one process fight for the cores its readers and neighbours need.
    narrowed = {**environment, "OMP_NUM_THREADS": str(threads)}
    if device == "cpu":
        return {**narrowed, mask: _HIDDEN}
    index = int(device.partition(":")[2] or 0)
    visible = [each.strip() for each in environment.get(mask, "").split(",") if each.strip()]
    if visible and index >= len(visible):
        raise DeviceMissing.about(f"{device}, where {mask} leaves {len(visible)}")
    return {**narrowed, mask: visible[index] if visible else str(index)}
