"""The results of the runs as a Markdown table."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.peers.peer import PEERS
from benchmarks.peers.runs import Run

#: Largest accepted difference of an ICT. Runtimes round differently, and thoraq may compute in
#: eight bits what a peer does in fp32: over a thousand radiographs the largest difference is 0.0023
#: on a CPU without bfloat16. Human readers differ by 0.011. The same runtime agrees to 1e-4, as a
#: test shows.
AGREEMENT = 3e-3
THORAQ = "thoraq"
HEADINGS = (
    "engine",
    "files/s",
    "thoraq is faster by",
    "aim",
    "start and end, s",
    "whole command, s",
    "ICT differs by",
)
#: By title, a run a round; None where the peer is not installed.
Runs = Mapping[str, Sequence[Run] | None]


def table(runs: Runs, files: int) -> Iterator[str]:
    """Yield the lines. A ratio is the median of the rounds' ratios."""
    ours = runs[THORAQ] or ()
    yield _row(*HEADINGS)
    yield f"|{'---|' * len(HEADINGS)}"
    yield _row(THORAQ, _rate(ours, files), "", "", *_beside(ours), "")
    for peer in PEERS:
        if peer.title not in runs:
            continue
        theirs = runs[peer.title]
        name = f"{peer.title} {peer.version}" if peer.version else peer.title
        if theirs is None:
            yield _row(name, "not installed", *[""] * (len(HEADINGS) - 2))
            continue
        ratio = statistics.median(
            peer_run.seconds / own.seconds for own, peer_run in zip(ours, theirs, strict=True)
        )
        apart = max(apart_from(own, each) for own, each in zip(ours, theirs, strict=True))
        aim = "" if peer.bar is None else f"{peer.bar:.1f} x"
        yield _row(
            name, _rate(theirs, files), f"{ratio:.2f} x", aim, *_beside(theirs), f"{apart:.0e}"
        )


def apart_from(ours: Run, theirs: Run) -> float:
    """Return the largest difference of an ICT. Raises ValueError if the files differ."""
    if ours.icts.keys() != theirs.icts.keys():
        missing = sorted(ours.icts.keys() ^ theirs.icts.keys())
        raise ValueError(f"{len(missing)} files were measured by only one: {missing[:5]}")
    return max(abs(ict - theirs.icts[name]) for name, ict in ours.icts.items())


def machine(cores: int) -> str:
    """Return the processor and the number of cores used."""
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


def _beside(runs: Sequence[Run]) -> tuple[str, str]:
    """Return the seconds for start and end, and of the whole command."""
    around = statistics.median(run.whole_seconds - run.seconds for run in runs)
    return f"{around:.0f}", f"{statistics.median(run.whole_seconds for run in runs):.0f}"
