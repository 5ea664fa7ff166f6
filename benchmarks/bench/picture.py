"""A chart of a bench: CPU time per stage, and per transfer syntax or format."""

from __future__ import annotations

from typing import BinaryIO

from benchmarks.bench.records import Bench


def draw_bench(file: BinaryIO, title: str, found: Bench) -> None:
    """Write a PNG: a bar per stage, and one per transfer syntax or format."""
    stages, reading = found.stages, found.reading
    # Takes half a second, so only imported for a picture.
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9.0, 1.6 + 0.28 * (len(stages) + len(reading))), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(len(stages), max(1, len(reading))))
    figure.suptitle(title, fontsize=10)
    names = [each.name for each in stages]
    bars = upper.barh(names, [each.core_ms for each in stages], color="#0072b2")
    upper.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    kinds = [f"{kind} ({files})" for kind, files, _ in reading]
    bars = lower.barh(kinds, [core_ms for *_, core_ms in reading], color="#d55e00")
    lower.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    for axes, label in ((upper, "stage"), (lower, "reading alone (files)")):
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_title(label, fontsize=8, loc="left")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    lower.set_xlabel("core-milliseconds per file", fontsize=8)
    figure.savefig(file, format="png", dpi=130)
