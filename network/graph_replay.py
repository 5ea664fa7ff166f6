"""Work on a device recorded once and replayed: CUDA graphs, which ROCm has as HIP graphs.

The network has a hundred small kernels; asked for one by one, the device waits for the asking.
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

#: Recording empties and fills memory that all recordings of a process share.
_one_at_a_time = threading.Lock()

#: Libraries choose and allocate on first use, which no recording may hold.
_WARM_UPS = 3

Compute = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    given: Tensor
    made: tuple[Tensor, ...]


class GraphReplay:
    """``compute`` on batches (N, ...) whose rows it treats alike, each on its own.

    Batches are filled up to powers of two, so that few graphs are recorded. What cannot be recorded
    is computed kernel by kernel.
    """

    def __init__(self, compute: Compute, device: torch.device) -> None:
        self._compute = compute
        self._device = device
        self._recordings: dict[int, _Recording] = {}
        self._unrecordable: set[int] = set()
        self._stream: torch.cuda.Stream | None = None

    def __call__(self, films: Tensor) -> tuple[Tensor, ...]:
        """Compute a batch that lies on the host or the device.

        Raises torch.cuda.OutOfMemoryError, after which smaller batches may fit.
        """
        count = len(films)
        size = 1 << (count - 1).bit_length()
        if size not in self._recordings and size not in self._unrecordable:
            self._record(size, films)
        recording = self._recordings.get(size)
        if recording is None:
            return self._compute(films.to(self._device))
        recording.given[:count].copy_(films)
        recording.graph.replay()
        # The next replay writes to the same place.
        return tuple(each[:count].clone() for each in recording.made)

    def _record(self, size: int, films: Tensor) -> None:
        with torch.cuda.device(self._device), _one_at_a_time:
            try:
                self._recordings[size] = self._recorded(size, films)
            except RuntimeError as exc:
                if _is_of_memory(exc):
                    self._recordings.clear()
                    raise torch.cuda.OutOfMemoryError(str(exc)) from exc
                # A device that fails will fail kernel by kernel too, and say so there.
                _log.warning("the network cannot be recorded", films=size, kind=type(exc).__name__)
                self._unrecordable.add(size)

    def _recorded(self, size: int, films: Tensor) -> _Recording:
        """Record. Raises RuntimeError, of which torch.cuda.OutOfMemoryError is one."""
        given = torch.zeros((size, *films.shape[1:]), dtype=films.dtype, device=self._device)
        # Recordings share their memory only if they were made on one stream.
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        beside = self._stream
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_WARM_UPS):
                self._compute(given)
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # Another thread may predict by another network meanwhile, and is not what is recorded.
        with torch.cuda.graph(
            graph, pool=self._pool(), stream=beside, capture_error_mode="thread_local"
        ):
            made = self._compute(given)
        return _Recording(graph, given, made)

    def _pool(self) -> Any:
        """Return the memory of the recordings so far: no two of them run at once."""
        return next((each.graph.pool() for each in self._recordings.values()), None)


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is that memory ran out."""
    while error is not None:
        if isinstance(error, torch.cuda.OutOfMemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
