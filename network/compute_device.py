"""A device that a network can run on; free of torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ComputeDevice:
    """One device. ``kind`` is cuda, rocm or cpu; ``index`` counts within the kind."""

    name: str
    kind: str
    index: int
    memory_bytes: int
