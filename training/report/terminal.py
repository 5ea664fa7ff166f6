"""Tables of an evaluation for a terminal of eighty columns."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from scheduler.console import PlainConsole
from training.evaluate.intervals import Interval, Share
from training.evaluate.landmarks import RATED, LandmarkFigures
from training.evaluate.models import Evaluation
from training.evaluate.reliability import ReliabilityFigures

#: Narrow enough for a terminal of eighty columns.
_PLAIN: dict[str, Any] = {"box": None, "padding": (0, 1, 0, 0), "pad_edge": False}


def print_tables(evaluation: Evaluation, console: PlainConsole) -> None:
    """Print the tables of landmarks, shape, expected errors and index."""
    if evaluation.landmarks:
        _print_landmarks(evaluation, console)
        _print_consistency(evaluation, console)
    for name, reliability in evaluation.reliability.items():
        _print_reliability(name, reliability, console)
    if evaluation.ict:
        _print_index(evaluation, console)
    for name, share in evaluation.refused.items():
        console.print(f"{name}, taken for no frontal chest: {share_text(share)}")


def share_text(share: Share) -> str:
    """Return a share of cases in per cent with its interval."""
    if share.share is None or share.low is None or share.high is None:
        return "no case"
    low, high = 100 * share.low, 100 * share.high
    return f"{100 * share.share:.1f} % [{low:.1f}, {high:.1f}] of {share.cases}"


def number(value: float | None, form: str) -> str:
    """Return a figure as text; None is a dash."""
    return "-" if value is None else format(value, form)


def range_text(interval: Interval | None, form: str) -> str:
    """Return an interval in brackets."""
    return "" if interval is None else f"[{interval[0]:{form}}, {interval[1]:{form}}]"


def _print_landmarks(evaluation: Evaluation, console: PlainConsole) -> None:
    table = _table(
        f"Landmarks, px of a 224 frame ({evaluation.model})",
        *("mean", "95 %", "median", "sd", "p95", "12 points"),
    )
    for name, figures in evaluation.landmarks.items():
        table.add_row(
            name,
            str(figures.cases),
            f"{figures.mean:.2f}",
            f"{figures.low:.2f}-{figures.high:.2f}",
            f"{figures.median:.2f}",
            number(figures.sd, ".2f"),
            f"{figures.p95:.2f}",
            f"{figures.independent_mean:.2f}",
        )
        keys = ("median", "sd", "p95", "independent_mean")
        ranges = (f"{low:.1f}-{high:.1f}" for low, high in (figures.intervals[key] for key in keys))
        table.add_row("  95 %", "", "", "", *ranges)
        for category, of in figures.by_category.items():
            ends = f"{of.low:.2f}-{of.high:.2f}"
            table.add_row(
                f"  {category}", str(of.cases), f"{of.mean:.2f}", ends, f"{of.median:.2f}"
            )
    console.print(table)
    for name, figures in evaluation.landmarks.items():
        console.print(f"{name}, buckets by true error: {_buckets(figures)}")
        points = "  ".join(f"{key} {value:.1f}" for key, value in figures.by_landmark.items())
        console.print(f"{name}, by landmark: {points}")
    console.print()


def _buckets(figures: LandmarkFigures) -> str:
    return ", ".join(
        f"{name} {100 * share:.1f} %" + _in_per_cent(figures.intervals.get(name))
        for name, share in figures.buckets.items()
    )


def _in_per_cent(interval: Interval | None) -> str:
    return "" if interval is None else f" [{100 * interval[0]:.0f}, {100 * interval[1]:.0f}]"


def _print_consistency(evaluation: Evaluation, console: PlainConsole) -> None:
    table = _table(
        "Shape, px of a 224 frame",
        *("asymmetry true", "predicted", "error", "r", "length error"),
    )
    for name, found in evaluation.consistency.items():
        table.add_row(
            name,
            str(found.cases),
            f"{found.true_asymmetry:.2f} (p95 {found.true_asymmetry_p95:.1f})",
            f"{found.predicted_asymmetry:.2f} ({found.predicted_asymmetry_p95:.1f})",
            f"{found.asymmetry_error:.2f}",
            number(found.asymmetry_correlation, ".2f"),
            f"{found.length_error:.2f} ({100 * found.length_share:.1f} %)",
        )
    console.print(table)
    console.print()


def _print_reliability(name: str, found: ReliabilityFigures, console: PlainConsole) -> None:
    console.print(f"Expected errors, {name}: cases by expected and true bucket")
    table = Table(**_PLAIN)
    table.add_column("expected \\ true", no_wrap=True)
    for bucket in RATED:
        table.add_column(bucket.value.replace("_", " "), justify="right", no_wrap=True)
    for row, counts in found.confusion.items():
        table.add_row(row.replace("_", " "), *map(str, counts.values()))
    console.print(table)
    console.print(f"the same bucket: {share_text(found.equal)}")
    console.print(
        f"mean expected over mean true error: {found.expected_mean:.2f} / {found.true_mean:.2f}"
        f" = {found.ratio:.3f} {range_text(found.ratio_interval, '.2f')}"
    )
    console.print(f"under the upper 90 % bound: {share_text(found.covered)}")
    console.print(
        f"calibration error {found.calibration_error:.2f} px,"
        f" rank correlation {number(found.rank_correlation, '.2f')}"
    )
    console.print(f"15 px or more though expected below: {share_text(found.review_missed)}")
    console.print(f"calibration: {found.calibration}")
    console.print()


def _print_index(evaluation: Evaluation, console: PlainConsole) -> None:
    table = _table(
        f"Cardiothoracic index ({evaluation.model})",
        *("mean |error| [95 %]", "bias", "sd", "95 % limits", "r"),
    )
    for name, ict in evaluation.ict.items():
        table.add_row(
            name,
            str(ict.cases),
            f"{ict.mean_absolute:.4f} [{ict.low:.3f}, {ict.high:.3f}]",
            f"{ict.bias:+.4f}",
            number(ict.sd, ".3f"),
            f"{number(ict.limit_low, '+.2f')} {number(ict.limit_high, '+.2f')}",
            number(ict.correlation, ".3f"),
        )
    console.print(table)
    console.print("Sensitivity and specificity in % at an index of 0.50, whatever the view:")
    for name, ict in evaluation.ict.items():
        found, spared = share_text(ict.enlarged), share_text(ict.not_enlarged)
        console.print(f"{name}: sensitivity {found}, specificity {spared}")
        limits = (range_text(ict.intervals.get(key), ".3f") for key in ("limit_low", "limit_high"))
        bias = range_text(ict.intervals.get("bias"), ".4f")
        console.print(f"{name}: 95 % of bias {bias}, of the limits {' '.join(limits)}")
    for name, share in evaluation.ict_covered.items():
        if share.cases:
            console.print(f"{name}, true index inside its 95 % interval: {share_text(share)}")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, **_PLAIN)
    table.add_column("set", no_wrap=True)
    for heading in ("n", *headings):
        table.add_column(heading, justify="right", no_wrap=True)
    return table
