"""The tuned DataLoader script with thoraq's runtime instead of torch."""

from __future__ import annotations

from contextlib import AbstractContextManager

from benchmarks.peers import dataloader
from benchmarks.peers.engine import Engine
from benchmarks.peers.file_rows import Plan
from network.runtime import Runtime


def opened(plan: Plan) -> AbstractContextManager[Engine]:
    """Start the processes."""
    return dataloader.opened(plan, Runtime.OPENVINO)
