"""Plots of the morning report: where bars, lines and marks lie; the template draws them as SVG.

Colours come from the page's style sheet, so a plot reads in light, in dark and on paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from db.query.night_records import Interval

#: Size of a plot and of its margins, in units of the SVG.
WIDTH, HEIGHT = 460.0, 216.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 10.0, 38.0, 34.0
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar. ``kind``: its class in the style sheet; ``text``: what it shows, for a tooltip."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot that links to a picture of the page. ``text``: what it stands for."""

    x: float
    y: float
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot. ``outline``: points of a stepped line; ``lines``: vertical lines with their text."""

    title: str
    description: str
    unit: str
    width: float = WIDTH
    bars: tuple[Bar, ...] = ()
    outline: str = ""
    lines: tuple[tuple[float, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outlier:
    """A result that a plot marks. ``target``: the id of its picture."""

    value: float
    target: str
    text: str


def histogram(
    counts: Mapping[int, int],
    before: Mapping[int, int],
    *,
    width: float,
    title: str,
    unit: str,
    span: tuple[float, float],
    lines: Iterable[float] = (),
    outliers: Sequence[Outlier] = (),
) -> Plot:
    """Return a histogram. ``counts``, ``before``: by bin of ``width``; ``span``: of the axis.

    ``before`` is drawn as an outline, scaled to the number of ``counts``. What is outside of the
    axis is counted in its first or last bin.
    """
    low, high = span
    first, last = round(low / width), round(high / width)
    within, earlier = (_clipped(each, first, last) for each in (counts, before))
    scale = sum(within.values()) / max(1, sum(earlier.values()))
    most = max([*within.values(), *(scale * each for each in earlier.values()), 1.0])

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low + width) * (WIDTH - LEFT - RIGHT)

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count / most * (HEIGHT - TOP - BOTTOM)

    step = x(low + width) - x(low)
    bars = tuple(
        Bar(
            x(number * width),
            y(results),
            max(0.8, step - 0.6),
            y(0) - y(results),
            "now",
            f"{number * width:.3g}: {results}",
        )
        for number, results in sorted(within.items())
    )
    corners: list[str] = []
    if earlier:
        reach = range(max(first, min(earlier) - 1), min(last, max(earlier) + 1) + 1)
        for number in reach:
            level = y(scale * earlier.get(number, 0))
            ends = (x(number * width), x((number + 1) * width))
            corners.extend(f"{at:.1f},{level:.1f}" for at in ends)
    middle = width / 2  # a bin is centred on its value, and drawn from x(value) on
    return Plot(
        title=title,
        description=f"{title}: {sum(counts.values())} results"
        + (f", outline: {sum(before.values())} earlier ones" if earlier else ""),
        unit=unit,
        bars=bars,
        outline=" ".join(corners),
        lines=tuple((x(each + middle), f"{each:g}") for each in lines if low <= each <= high),
        marks=tuple(
            Mark(x(min(max(each.value, low), high) + middle), TOP - 10, each.target, each.text)
            for each in outliers
        ),
        x_ticks=tuple((x(each + middle), f"{each:g}") for each in ticks(low, high)),
        y_ticks=tuple((y(each), f"{each:g}") for each in ticks(0, most) if each == round(each)),
    )


def rate_plot(rate: Sequence[Interval], step_seconds: int) -> Plot:
    """Return a plot of the files that ended over time: measured ones below the others."""
    wide = 2 * WIDTH
    most = max([each.measured + each.others for each in rate] + [1])
    step = (wide - LEFT - RIGHT) / max(1, len(rate))

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count / most * (HEIGHT - TOP - BOTTOM)

    bars: list[Bar] = []
    for i, each in enumerate(rate):
        at, upto = LEFT + i * step, each.measured + each.others
        text = f"{each.start:%Y-%m-%d %H:%M:%S} UTC: {each.measured} measured, {each.others} not"
        thick = max(0.8, step - 0.8)
        bars.append(Bar(at, y(each.measured), thick, y(0) - y(each.measured), "now", text))
        bars.append(Bar(at, y(upto), thick, y(each.measured) - y(upto), "bad", text))
    every = max(1, ceil(len(rate) / 8))
    form = "%H:%M" if step_seconds >= 60 else "%H:%M:%S"
    if step_seconds >= 10_800:
        form = "%m-%d %H:%M"
    return Plot(
        title=f"Files ended per {interval_name(step_seconds)}",
        description=f"{sum(each.measured for each in rate)} measured, "
        f"{sum(each.others for each in rate)} failed or set aside, over {len(rate)} intervals",
        unit="time, UTC",
        width=wide,
        bars=tuple(each for each in bars if each.height > 0),
        x_ticks=tuple(
            (LEFT + (i + 0.5) * step, f"{rate[i].start:{form}}") for i in range(0, len(rate), every)
        ),
        y_ticks=tuple((y(each), f"{each:g}") for each in ticks(0, most) if each == round(each)),
    )


def interval_name(seconds: int) -> str:
    """Return the length of an interval in words."""
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            count = seconds // unit
            return name if count == 1 else f"{count} {name}s"
    return "second" if seconds == 1 else f"{seconds} seconds"


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``, at most seven."""
    if high <= low:
        return [low]
    rough = (high - low) / _MOST_TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _clipped(counts: Mapping[int, int], first: int, last: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, results in counts.items():
        at = min(max(number, first), last)
        found[at] = found.get(at, 0) + results
    return found
