"""Pinning: the environment in which a worker sees one device, or none.

Torch reads these variables when it is imported, so they are set before Python starts. An index
counts the devices that an existing mask leaves visible, so only the innermost existing mask is
narrowed: several new masks would be applied one after the other and could hide every device.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.errors import DeviceMissing

#: NVIDIA's; AMD's runtime uses it too unless its own is set.
_CUDA = "CUDA_VISIBLE_DEVICES"
_HIP = "HIP_VISIBLE_DEVICES"
_HIDDEN = "-1"


def pinned_environment(
    environment: Mapping[str, str], device: str, threads: int = 1
) -> dict[str, str]:
    """Return ``environment`` for a worker on ``device``: cpu or cuda:N. Raises DeviceMissing."""
    mask = _HIP if environment.get(_HIP) else _CUDA
    # More threads would compete with the reading processes and other workers for cores.
    narrowed = {**environment, "OMP_NUM_THREADS": str(threads)}
    if device == "cpu":
        return {**narrowed, mask: _HIDDEN}
    index = int(device.partition(":")[2] or 0)
    visible = [each.strip() for each in environment.get(mask, "").split(",") if each.strip()]
    if visible and index >= len(visible):
        raise DeviceMissing.about(f"{device}, where {mask} leaves {len(visible)}")
    return {**narrowed, mask: visible[index] if visible else str(index)}
