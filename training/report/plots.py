"""Plots of a training run and of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from db.training.records import RunCheck
from radiograph.landmarks import ANATOMICAL
from radiograph.measures.quality import GOOD_FROM, REVIEW_FROM, VERY_GOOD_FROM
from training.evaluate.intervals import HALF_WIDTH_SD
from training.evaluate.landmarks import LandmarkFigures
from training.evaluate.predictions import Floats
from training.evaluate.reliability import ExpectedErrors, ReliabilityFigures
from training.shape import ENLARGED_ABOVE

#: Distinguishable to colour-blind readers (after Okabe and Ito).
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKED, FAINT = "#b00020", "#9aa0a6"
WIDTH_INCHES = 9.0


def curves(checks: Sequence[RunCheck]) -> Figure:
    """Draw validation errors, parts of the loss and the learning rate over a run's steps."""
    figure = Figure(figsize=(WIDTH_INCHES, 6.4), layout="constrained")
    errors, parts, rates = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.3))
    starts = _starts(checks)
    # The loss at the first check of a phase is that of one step; errors are complete.
    steps = [starts[check.ordinal] + check.step for check in checks]
    for ordinal, start in starts.items():
        name = next(check.phase_name for check in checks if check.ordinal == ordinal)
        for axes in (errors, parts, rates):
            axes.axvline(start, color=FAINT, linewidth=0.7)
        errors.annotate(
            f" {name}", (start, 0.97), xycoords=("data", "axes fraction"), fontsize=8, va="top"
        )
    values = [check.error_px224 for check in checks]
    errors.plot(steps, values, color=SERIES[0], marker=".", label="landmarks")
    errors.set_ylabel("validation error,\npx of a 224 frame", color=SERIES[0], fontsize=8)
    errors.set_ylim(*_reach(values))
    known = [
        (step, check.ict_error)
        for step, check in zip(steps, checks, strict=True)
        if check.ict_error is not None
    ]
    if known:
        beside = errors.twinx()
        beside.plot(*zip(*known, strict=True), color=SERIES[1], marker=".")
        beside.set_ylabel("index, mean |error|", color=SERIES[1], fontsize=8)
        beside.set_ylim(*_reach([error for _, error in known]))
        beside.tick_params(labelsize=7)
    names = list(dict.fromkeys(name for check in checks for name in check.loss_parts))
    for i, name in enumerate(names):
        line = [check.loss_parts.get(name, np.nan) for check in checks]
        style = "-" if i < len(SERIES) else "--"
        parts.plot(steps, line, style, color=SERIES[i % len(SERIES)], linewidth=1.2, label=name)
    parts.set_ylabel("parts of the loss", fontsize=8)
    if any(value > 0 for check in checks for value in check.loss_parts.values()):
        parts.set_yscale("log")
    parts.legend(fontsize=7, ncols=2)
    rates.plot(steps, [check.learning_rate for check in checks], color=SERIES[2])
    rates.set_ylabel("learning rate", fontsize=8)
    rates.set_xlabel("steps of the run", fontsize=8)
    for axes in (errors, parts, rates):
        axes.tick_params(labelsize=7)
    return figure


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis, such that a first check far off does not flatten the rest."""
    low, high = min(values), min(max(values), 4 * float(np.median(values)))
    gap = 0.12 * (high - low) or 1e-3 + 0.1 * high
    return max(0.0, low - gap), high + 2 * gap


def _starts(checks: Sequence[RunCheck]) -> Mapping[int, int]:
    """Return the step of the run at which each phase begins, by its ordinal."""
    last: dict[int, int] = {}
    for check in checks:
        last[check.ordinal] = max(last.get(check.ordinal, 0), check.step)
    starts, begun = {}, 0
    for ordinal in sorted(last):
        starts[ordinal] = begun
        begun += last[ordinal]
    return starts


def errors_by_category(errors: Mapping[str, Floats]) -> Figure:
    """Draw the cumulative share of cases by error, per category; px of a 224 frame."""
    figure, axes = _axes(WIDTH_INCHES / 2, 3.4)
    for i, (name, values) in enumerate(errors.items()):
        ordered = np.sort(values)
        shares = np.arange(1, len(ordered) + 1) / len(ordered)
        axes.step(
            ordered,
            shares,
            where="post",
            color=SERIES[i % len(SERIES)],
            label=f"{name} ({len(values)})",
        )
    for edge in (VERY_GOOD_FROM, GOOD_FROM, REVIEW_FROM):
        axes.axvline(edge, color=FAINT, linewidth=0.7, linestyle="--")
    axes.set(xlabel="error, px of a 224 frame", ylabel="share of cases under it", ylim=(0, 1.02))
    axes.set_xlim(left=0)
    axes.legend(fontsize=7, loc="lower right")
    axes.set_title("Dashed: where the buckets begin", fontsize=8)
    return figure


def errors_by_landmark(figures: LandmarkFigures) -> Figure:
    """Draw the mean error of each landmark with its interval."""
    figure, axes = _axes(WIDTH_INCHES / 2, 3.4)
    names = [f"L{i + 1}" for i in ANATOMICAL]
    means = np.array([figures.by_landmark[name] for name in names])
    ends = np.array([figures.intervals[name] for name in names])
    reach = np.abs(ends.T - means)
    axes.bar(names, means, color=SERIES[0], alpha=0.75)
    axes.errorbar(names, means, yerr=reach, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    axes.axhline(figures.mean, color=FAINT, linewidth=0.8, linestyle="--")
    axes.set(ylabel="mean error, px of a 224 frame")
    axes.set_title("Bars: 95 % of the mean; dashed: mean of all", fontsize=8)
    axes.tick_params(axis="x", labelsize=6)
    return figure


def reliability(found: ReliabilityFigures, cases: ExpectedErrors) -> Figure:
    """Draw true over expected errors, with the means of bins and the upper bound."""
    figure, axes = _axes(WIDTH_INCHES / 2, 4.2)
    order = np.argsort(cases.expected)
    limit = 1.05 * float(max(np.percentile(cases.true, 99), cases.expected.max()))
    axes.fill_between(
        cases.expected[order],
        0,
        cases.upper[order],
        color=SERIES[5],
        alpha=0.25,
        label="under the upper 90 % bound",
    )
    axes.plot([0, limit], [0, limit], color="black", linewidth=0.8, linestyle="--")
    missed = cases.true > cases.upper
    for keep, colour, name in ((~missed, SERIES[0], None), (missed, MARKED, "above it")):
        axes.scatter(
            cases.expected[keep],
            np.minimum(cases.true[keep], limit),
            s=9,
            color=colour,
            alpha=0.65,
            linewidths=0,
            label=name,
        )
    axes.plot(
        [each.expected for each in found.bins],
        [each.true for each in found.bins],
        color=SERIES[4],
        marker="s",
        markersize=5,
        linewidth=1.2,
        label="means of bins",
    )
    for edge in (VERY_GOOD_FROM, GOOD_FROM, REVIEW_FROM):
        if edge < limit:
            axes.axvline(edge, color=FAINT, linewidth=0.5)
            axes.axhline(edge, color=FAINT, linewidth=0.5)
    axes.set(
        xlim=(0, limit),
        ylim=(0, limit * 1.02),
        xlabel="expected error, px of a 224 frame",
        ylabel="true error, px of a 224 frame",
    )
    axes.legend(fontsize=7, loc="lower right")
    return figure


def bland_altman(truth: Floats, measured: Floats, name: str) -> Figure:
    """Draw the differences of the index over its means, with bias and limits of agreement."""
    figure, axes = _axes(WIDTH_INCHES / 2, 3.8)
    difference, mean = measured - truth, (measured + truth) / 2
    wrong = (measured > ENLARGED_ABOVE) != (truth > ENLARGED_ABOVE)
    for keep, colour, label in (
        (~wrong, SERIES[0], None),
        (wrong, MARKED, f"on the other side of {ENLARGED_ABOVE:.2f}"),
    ):
        axes.scatter(
            mean[keep], difference[keep], s=10, color=colour, alpha=0.65, linewidths=0, label=label
        )
    bias = float(difference.mean())
    lines = [("bias", bias)]
    if len(difference) > 1:
        reach = HALF_WIDTH_SD * float(difference.std(ddof=1))
        lines += [("+1.96 sd", bias + reach), ("-1.96 sd", bias - reach)]
    for label, level in lines:
        axes.axhline(
            level, color="black", linewidth=0.8, linestyle="-" if label == "bias" else "--"
        )
        axes.annotate(
            f"{label} {level:+.3f}",
            (1.0, level),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=7,
        )
    axes.set(xlabel="mean of the measured and the true index", ylabel="measured - true")
    axes.set_title(f"{name} (n = {len(difference)})", fontsize=9)
    if wrong.any():
        axes.legend(fontsize=7, loc="lower left")
    return figure


def asymmetries(truth: Floats, measured: Floats) -> Figure:
    """Draw the predicted over the true asymmetry of each case, px of a 224 frame."""
    figure, axes = _axes(WIDTH_INCHES / 2, 3.8)
    limit = 1.05 * float(max(truth.max(), measured.max()))
    axes.plot([0, limit], [0, limit], color="black", linewidth=0.8, linestyle="--")
    axes.scatter(truth, measured, s=9, color=SERIES[0], alpha=0.65, linewidths=0)
    axes.set(
        xlim=(0, limit),
        ylim=(0, limit),
        xlabel="true asymmetry, px of a 224 frame",
        ylabel="predicted asymmetry, px of a 224 frame",
    )
    return figure


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=7)
    axes.xaxis.label.set_fontsize(8)
    axes.yaxis.label.set_fontsize(8)
    return figure, axes
