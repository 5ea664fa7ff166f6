"""The interface of a peer's module: ``opened(plan)``, a context with a warmed-up engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.peers.file_rows import Row

#: Takes the paths of an archive and yields a row per file, in any order.
Engine = Callable[[Sequence[str]], Iterable[Row]]
