"""CUDA graphs (HIP graphs on ROCm): device work is recorded once and replayed.

The network has about a hundred small kernels; launched one by one, the device waits for launches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
import torch
from torch import Tensor

_log = structlog.stdlib.get_logger(__name__)

#: All recordings of a process share a memory pool, which recording changes.
_one_at_a_time = threading.Lock()

#: Libraries select kernels and allocate on first use, which must not be recorded.
_WARM_UPS = 3

Compute = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    outputs: tuple[Tensor, ...]


class GraphReplay:
    """``compute``, which treats the rows of a batch (N, ...) independently, as CUDA graphs.

    Batches are padded to powers of two, so that few graphs are recorded. A size that cannot be
    recorded is computed kernel by kernel.
    """

    def __init__(self, compute: Compute, device: torch.device) -> None:
        self._compute = compute
        self._device = device
        self._recordings: dict[int, _Recording] = {}
        self._unrecordable: set[int] = set()
        self._stream: torch.cuda.Stream | None = None

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Compute a batch in host or device memory.

        Raises torch.cuda.OutOfMemoryError, after which smaller batches may fit.
        """
        count = len(batch)
        size = 1 << (count - 1).bit_length()
        if size not in self._recordings and size not in self._unrecordable:
            self._record(size, batch)
        recording = self._recordings.get(size)
        if recording is None:
            return self._compute(batch.to(self._device))
        recording.inputs[:count].copy_(batch)
        recording.graph.replay()
        # The next replay overwrites these tensors.
        return tuple(each[:count].clone() for each in recording.outputs)

    def _record(self, size: int, batch: Tensor) -> None:
        with torch.cuda.device(self._device), _one_at_a_time:
            try:
                self._recordings[size] = self._recorded(size, batch)
            except RuntimeError as exc:
                if _is_of_memory(exc):
                    self._recordings.clear()
                    raise torch.cuda.OutOfMemoryError(str(exc)) from exc
                # If the device itself has failed, computing kernel by kernel raises that error.
                _log.warning(
                    "the network cannot be recorded", device_batch=size, kind=type(exc).__name__
                )
                self._unrecordable.add(size)

    def _recorded(self, size: int, batch: Tensor) -> _Recording:
        """Record one batch size. Raises RuntimeError, torch.cuda.OutOfMemoryError among them."""
        inputs = torch.zeros((size, *batch.shape[1:]), dtype=batch.dtype, device=self._device)
        # Recordings can share memory only if they were captured on the same stream.
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        stream = self._stream
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._compute(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Another thread may predict with another network meanwhile; its work is not captured.
        with torch.cuda.graph(
            graph, pool=self._pool(), stream=stream, capture_error_mode="thread_local"
        ):
            outputs = self._compute(inputs)
        return _Recording(graph, inputs, outputs)

    def _pool(self) -> Any:
        """Return the memory pool of the recordings so far; they never run at the same time."""
        return next((each.graph.pool() for each in self._recordings.values()), None)


def _is_of_memory(error: BaseException | None) -> bool:
    """Return whether an error or one of its causes is out-of-memory."""
    while error is not None:
        if isinstance(error, torch.cuda.OutOfMemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
