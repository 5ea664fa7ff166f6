"""The runtimes that can compute a network."""

from __future__ import annotations

from enum import StrEnum


class Runtime(StrEnum):
    """Runtime that computes the network."""

    AUTO = "auto"  # OpenVINO on a CPU if installed, else torch in its fastest mode
    TORCH = "torch"  # the reference: fp32, layer by layer
    OPENVINO = "openvino"
