"""The runtimes that a network can be computed by."""

from __future__ import annotations

from enum import StrEnum


class Runtime(StrEnum):
    """What computes the network."""

    AUTO = "auto"  # OpenVINO on a CPU where it is installed, else torch as fast as it can
    TORCH = "torch"  # in fp32, one layer after the other: the reference
    OPENVINO = "openvino"
