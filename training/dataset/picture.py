"""A data set in one picture: radiographs, mean shapes with their spread, two distributions."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from radiograph.errors import RadiographError
from radiograph.landmarks import ANATOMICAL, CALLIPERS, MIDLINE
from radiograph.overlay import ANATOMY, AXIS, BORDERS, HEART, THORAX
from radiograph.picture import windowed_image
from radiograph.reading import ReadLimits, read
from radiograph.records import ERROR_FRAME_PX
from scheduler.rights import draft
from training.dataset.explore import Shapes
from training.shape import ENLARGED_ABOVE, asymmetry, index_of

Floats = npt.NDArray[np.float64]
#: An ellipse contains half of normally distributed points: sqrt of chi-squared, 2 degrees.
ELLIPSE_SD = 1.1774
#: Radiographs shown in one row.
MOST_GROUPS = 6
DOTS_PER_INCH = 110
#: Distinguishable to colour-blind readers (after Okabe and Ito).
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")


def save_picture(shapes: Shapes, path: Path) -> None:
    """Draw the picture and write it atomically; the suffix of ``path`` selects the format."""
    groups = _groups(shapes)[:MOST_GROUPS]
    columns = max(2, len(groups))
    figure = Figure(figsize=(3.1 * columns, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 2 * columns, height_ratios=(3.4, 2.6))
    for i, (name, group) in enumerate(groups):
        place = figure.add_subplot(grid[0, 2 * i : 2 * i + 2])
        _draw_group(place, name, group)
    _draw_asymmetry(figure.add_subplot(grid[1, :columns]), shapes)
    _draw_index(figure.add_subplot(grid[1, columns:]), shapes)
    figure.suptitle(
        "One radiograph of each kind with its points (dots), and the mean position of its kind's"
        " points with ellipses that hold half of them",
        fontsize=10,
    )
    # In memory first: when the disk is full, writing a PDF fails with a misleading error of zlib.
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix[1:] or "png", dpi=DOTS_PER_INCH)
    with draft(path) as half:
        half.write_bytes(drawn.getbuffer())


def _groups(shapes: Shapes) -> list[tuple[str, Shapes]]:
    """Return the radiographs by category; the category with the name of its source is all of it."""
    keys = sorted({(radiograph.source, radiograph.category) for radiograph in shapes.radiographs})
    groups = []
    for source, category in keys:
        keep = [
            i
            for i, radiograph in enumerate(shapes.radiographs)
            if (radiograph.source, radiograph.category) == (source, category)
        ]
        group = Shapes(tuple(shapes.radiographs[i] for i in keep), shapes.points[keep])
        groups.append((f"{category} ({len(keep)})", group))
    return groups


def _draw_group(axes: Axes, name: str, group: Shapes) -> None:
    """Draw the radiograph nearest its group's mean shape, and that shape."""
    known = np.asarray(np.isfinite(group.points).all(axis=2))
    mean = np.full((group.points.shape[1], 2), np.nan)
    for i in range(len(mean)):
        if known[:, i].any():
            mean[i] = group.points[known[:, i], i].mean(axis=0)
    apart = np.linalg.norm(group.points - mean, axis=2)
    # The median distance: neither the best nor the most unusual radiograph.
    apart = np.where(known, apart, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    shown = int(np.argsort(apart)[len(apart) // 2])
    axes.set(xlim=(0, ERROR_FRAME_PX), ylim=(ERROR_FRAME_PX, 0), aspect="equal", facecolor="black")
    axes.set_title(name, fontsize=9)
    axes.tick_params(labelsize=7)
    try:
        pixels = read(group.radiographs[shown].path, ReadLimits()).pixels
    except RadiographError:
        pass  # the shape is drawn without its radiograph
    else:
        rows, columns = np.array(pixels.shape) * ERROR_FRAME_PX / max(pixels.shape)
        edges = (-0.5, columns - 0.5, rows - 0.5, -0.5)
        axes.imshow(np.asarray(windowed_image(pixels)), cmap="gray", extent=edges, alpha=0.85)
        axes.set(xlim=(0, ERROR_FRAME_PX), ylim=(ERROR_FRAME_PX, 0))
    if np.isfinite(mean[list(MIDLINE)]).all():
        axes.plot(*mean[list(MIDLINE)].T, color=_ink(AXIS), linewidth=0.9)
        for border in BORDERS:
            axes.plot(*mean[list(border)].T, color=_ink(ANATOMY), linewidth=0.9)
    for i, place in enumerate(mean):
        if np.isfinite(place).all():
            colour = _ink(_colour(i))
            _draw_ellipse(axes, group.points[known[:, i], i], colour)
            axes.plot(*place, marker="+", color=colour, markersize=5)
            axes.plot(*group.points[shown, i], marker="o", color=colour, markersize=2.6)


def _draw_ellipse(axes: Axes, places: Floats, colour: tuple[float, ...]) -> None:
    if len(places) < 3:
        return
    values, vectors = np.linalg.eigh(np.cov(places.T))
    width, height = 2 * ELLIPSE_SD * np.sqrt(np.maximum(values[::-1], 0.0))
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    centre = places.mean(axis=0)
    axes.add_patch(
        Ellipse(
            (float(centre[0]), float(centre[1])),
            float(width),
            float(height),
            angle=angle,
            fill=False,
            edgecolor=colour,
            linewidth=0.8,
        )
    )


def _draw_asymmetry(axes: Axes, shapes: Shapes) -> None:
    """Draw the natural asymmetry of the radiographs with fifteen landmarks, by category."""
    known = np.isfinite(shapes.points[:, list(ANATOMICAL)]).all(axis=(1, 2))
    axes.set_title("Natural asymmetry: mean over the pairs of a radiograph", fontsize=9)
    axes.set_xlabel("px of a 224 frame", fontsize=8)
    axes.set_ylabel("share of radiographs", fontsize=8)
    axes.tick_params(labelsize=7)
    if not known.any():
        axes.text(
            0.5, 0.5, "no radiograph has fifteen landmarks", ha="center", transform=axes.transAxes
        )
        return
    values = asymmetry(shapes.points[known]).mean(axis=1)
    categories = np.array([radiograph.category for radiograph in shapes.radiographs])[known]
    bins = np.linspace(0.0, float(np.percentile(values, 99.5)) + 1e-6, 25)
    for name, colour in zip(np.unique(categories), SERIES, strict=False):
        _draw_share(axes, values[categories == name], bins, str(name), colour)
    limit = float(np.percentile(values, 95))
    axes.axvline(limit, color="black", linewidth=0.8, linestyle="--")
    axes.annotate(f" 95 % under {limit:.1f}", (limit, axes.get_ylim()[1] * 0.92), fontsize=8)
    axes.legend(fontsize=7)


def _draw_index(axes: Axes, shapes: Shapes) -> None:
    """Draw the cardiothoracic indices by source."""
    values = index_of(shapes.points)
    known = np.isfinite(values)
    axes.set_title("Cardiothoracic index", fontsize=9)
    axes.set_ylabel("share of radiographs", fontsize=8)
    axes.tick_params(labelsize=7)
    if not known.any():
        axes.text(0.5, 0.5, "no radiograph has callipers", ha="center", transform=axes.transAxes)
        return
    sources = np.array([radiograph.source for radiograph in shapes.radiographs])[known]
    bins = np.linspace(float(values[known].min()), float(values[known].max()) + 1e-6, 25)
    for name, colour in zip(np.unique(sources), SERIES, strict=False):
        _draw_share(axes, values[known][sources == name], bins, str(name), colour)
    axes.axvline(ENLARGED_ABOVE, color="black", linewidth=0.8, linestyle="--")
    axes.annotate(
        f" enlarged above {ENLARGED_ABOVE:.2f}",
        (ENLARGED_ABOVE, axes.get_ylim()[1] * 0.92),
        fontsize=8,
    )
    axes.legend(fontsize=7)


def _draw_share(axes: Axes, values: Floats, bins: Floats, name: str, colour: str) -> None:
    axes.hist(
        values,
        bins=bins.tolist(),
        weights=np.full(len(values), 1.0 / len(values)),
        histtype="step",
        linewidth=1.4,
        color=colour,
        label=f"{name} (n = {len(values)}, mean {values.mean():.2f})",
    )


def _colour(index: int) -> tuple[int, int, int]:
    if index in MIDLINE:
        return AXIS
    if index in ANATOMICAL:
        return ANATOMY
    return HEART if index in CALLIPERS[:2] else THORAX


def _ink(colour: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(level / 255 for level in colour)
