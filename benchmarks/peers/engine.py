"""What a peer's module brings: ``opened(plan)``, a context in which everything is warm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.peers.file_rows import Row

#: Takes the paths of an archive and gives a row each, in any order, as they are done.
Engine = Callable[[Sequence[str]], Iterable[Row]]
