"""What the runs came to, as a Markdown table."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.peers.peer import PEERS
from benchmarks.peers.runs import Run

THORAQ = "thoraq"
#: By title, a run a round; None where the peer is not installed.
Runs = Mapping[str, Sequence[Run] | None]


def table(runs: Runs, files: int) -> Iterator[str]:
    """Yield the lines. A ratio is the median of the ratios of each round."""
    ours = runs[THORAQ] or ()
    yield "| engine | files/s | thoraq is faster by | aim | whole command, s | ICT differs by |"
    yield "|---|---|---|---|---|---|"
    yield _row(THORAQ, _rate(ours, files), "", "", _whole(ours), "")
    for peer in PEERS:
        if peer.title not in runs:
            continue
        theirs = runs[peer.title]
        name = f"{peer.title} {peer.version}" if peer.version else peer.title
        if theirs is None:
            yield _row(name, "not installed", "", "", "", "")
            continue
        ratio = statistics.median(
            peer_run.seconds / own.seconds for own, peer_run in zip(ours, theirs, strict=True)
        )
        apart = max(apart_from(own, each) for own, each in zip(ours, theirs, strict=True))
        aim = "" if peer.bar is None else f"{peer.bar:.1f} x"
        yield _row(
            name, _rate(theirs, files), f"{ratio:.2f} x", aim, _whole(theirs), f"{apart:.0e}"
        )


def apart_from(ours: Run, theirs: Run) -> float:
    """Return the largest difference of an ICT. Raises ValueError if the files differ."""
    if ours.icts.keys() != theirs.icts.keys():
        missing = sorted(ours.icts.keys() ^ theirs.icts.keys())
        raise ValueError(f"{len(missing)} files were measured by one alone: {missing[:5]}")
    return max(abs(ict - theirs.icts[name]) for name, ict in ours.icts.items())


def machine(cores: int) -> str:
    """Return the processor, and how many cores of it were used."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(x.partition(":")[2].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {cores} cores, no accelerator"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rate(runs: Sequence[Run], files: int) -> str:
    return f"{files / statistics.median(run.seconds for run in runs):.1f}"


def _whole(runs: Sequence[Run]) -> str:
    return f"{statistics.median(run.whole_seconds for run in runs):.0f}"
