"""The chart: the cost per file of each part, and the rate that each part limits to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.many.records import Found
from benchmarks.many.tables import ceilings


def draw(out: Path, runs: Sequence[Found], sizes: Sequence[Found]) -> None:
    """Write a PNG of three panels; ``runs``: by workers; ``sizes``: by files per chunk."""
    figure = Figure(figsize=(11.0, 6.5), layout="constrained")
    panels = figure.subplot_mosaic([["runs", "sizes"], ["ceilings", "ceilings"]])
    _stack(panels["runs"], runs, [f"{each.asked.workers}" for each in runs], "workers")
    chunk_sizes = [f"{each.asked.chunk_size}" for each in sizes]
    _stack(panels["sizes"], sizes, chunk_sizes, "files per chunk")
    panels["sizes"].legend(fontsize=8, frameon=False)
    axes = panels["ceilings"]
    found = sorted(ceilings(runs[-1]).items(), key=lambda each: each[1])
    bars = axes.barh([name for name, _ in found], [rate for _, rate in found], color="#0072b2")
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(f"files/s at most, with {runs[-1].asked.workers} workers", fontsize=8)
    for each in panels.values():
        each.tick_params(labelsize=8)
        each.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, format="png", dpi=130)


def _stack(axes: Axes, runs: Sequence[Found], names: Sequence[str], label: str) -> None:
    parts = {
        "workers": [each.cpu_ms["workers"] for each in runs],
        "PostgreSQL": [each.database_ms for each in runs],
        "Redis": [each.cpu_ms["broker"] for each in runs],
        "upkeep": [each.cpu_ms["upkeep"] for each in runs],
        "intake": [each.intake_cpu_ms["intake"] for each in runs],
    }
    colours = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
    below = [0.0] * len(runs)
    for (name, heights), colour in zip(parts.items(), colours, strict=True):
        axes.bar(names, heights, bottom=below, label=name, color=colour)
        below = [under + height for under, height in zip(below, heights, strict=True)]
    axes.set_xlabel(label, fontsize=8)
    axes.set_ylabel("core-ms per file", fontsize=8)
