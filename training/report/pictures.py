"""Truth and prediction drawn on the radiograph: rings are true points, dots predicted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from network.input import INPUT_SIDE_PX, MARGIN_PX, fit_affine
from radiograph.csv_lines import CsvLines
from radiograph.landmarks import ANATOMICAL, MIDLINE, Landmark
from radiograph.overlay import (
    ALERT,
    ANATOMY,
    AXIS,
    BORDERS,
    BUCKETS,
    GROUND,
    HEART,
    INK,
    MUTED,
    SUPERSAMPLING,
    THORAX,
    Colour,
    fit,
)
from radiograph.picture import windowed_image
from radiograph.records import Bucket
from scheduler.rights import draft
from training.dataset.radiographs import AnnotatedRadiograph
from training.evaluate.cases import Case
from training.evaluate.predictions import Predictions
from training.samples import Samples, read_pixels

Floats = npt.NDArray[np.float64]
RadiographsByName = Mapping[tuple[str, str], AnnotatedRadiograph]

#: Colours of the truth, and of the line to the prediction.
TRUTH: Colour = (64, 224, 160)
MISS: Colour = (255, 96, 80)
SIDE_PX = 640
CALLIPERS = (
    (Landmark.THORAX_RIGHT, Landmark.THORAX_LEFT, THORAX),
    (Landmark.HEART_RIGHT, Landmark.HEART_LEFT, HEART),
)
CASES_FILE = "cases.csv"


def save_pictures(
    folder: Path,
    cases: Sequence[Case],
    samples: Samples,
    predictions: Predictions,
    radiographs: Sequence[AnnotatedRadiograph],
) -> None:
    """Draw every case into ``folder``/SOURCE SPLIT, and write ``cases.csv``, the worst first.

    Each file is written atomically.
    """
    known = by_name(radiographs)
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(cases, key=lambda case: -(case.error or abs(case.ict_difference or 0.0)))
    with (
        draft(folder / CASES_FILE) as half,
        half.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        lines: CsvLines | None = None
        for case in ordered:
            path = folder / f"{case.source} {case.split}" / picture_name(case.name)
            picture = draw_on_radiograph(case, samples, predictions, known)
            with draft(path) as drawing:
                picture.save(drawing, "JPEG", quality=88)
            row = {**case.row, "picture": path.relative_to(folder).as_posix()}
            if lines is None:
                lines = CsvLines(file, list(row))
                lines.heading()
            lines.row(row)


def by_name(radiographs: Sequence[AnnotatedRadiograph]) -> RadiographsByName:
    """Return radiographs by source and name."""
    return {(radiograph.source, radiograph.name): radiograph for radiograph in radiographs}


def picture_name(name: str) -> str:
    """Return the file name of the picture of a radiograph, whose name may contain folders."""
    return f"{name.replace('/', ' ').replace(chr(92), ' ')}.jpg"


def draw_on_radiograph(
    case: Case,
    samples: Samples,
    predictions: Predictions,
    radiographs: RadiographsByName,
    side_px: int = SIDE_PX,
) -> Image.Image:
    """Return a case drawn on its radiograph, or on the network's input without one."""
    i = case.position
    truth = samples.points[i].astype(np.float64)
    predicted = predictions.points[i]
    original = radiographs.get((case.source, case.name))
    if original is None:
        return draw_case(case, samples.images[i], truth, predicted, side_px)
    pixels = read_pixels(original)
    rows, columns = pixels.shape
    to_original = fit_affine(rows, columns, INPUT_SIDE_PX, MARGIN_PX)
    step, start = to_original[(0, 1), (0, 1)], to_original[:, 2]
    return draw_case(case, pixels, truth * step + start, predicted * step + start, side_px)


def draw_case(
    case: Case,
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    truth: Floats,
    predicted: Floats,
    side_px: int,
) -> Image.Image:
    """Return (19, 2) true and predicted points drawn on the radiograph; absent ones are NaN."""
    rows, columns = pixels.shape
    scale = side_px / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    picture = windowed_image(pixels).resize(size, Image.Resampling.LANCZOS).convert("RGB")
    # Pixel centres are integers in both frames.
    marks = _marks(size, (truth + 0.5) * scale - 0.5, (predicted + 0.5) * scale - 0.5, side_px)
    picture.paste(marks, (0, 0), marks)
    caption = _caption(case, max(picture.width, side_px // 2), side_px)
    whole = Image.new("RGB", (caption.width, picture.height + caption.height), GROUND)
    whole.paste(picture, ((caption.width - picture.width) // 2, 0))
    whole.paste(caption, (0, picture.height))
    return whole


def _marks(size: tuple[int, int], truth: Floats, predicted: Floats, side_px: int) -> Image.Image:
    """Return a transparent layer with the annotated points and the callipers."""
    layer = Image.new("RGBA", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING))
    pen = ImageDraw.Draw(layer)
    truth, predicted = ((points + 0.5) * SUPERSAMPLING - 0.5 for points in (truth, predicted))
    hair = max(1.0, side_px / 640) * SUPERSAMPLING
    dot = max(2.0, side_px / 240) * SUPERSAMPLING
    if np.isfinite(truth[list(ANATOMICAL)]).all():
        for points, colours in ((truth, (TRUTH, TRUTH)), (predicted, (AXIS, ANATOMY))):
            _lines(pen, points, colours, hair)
    for i in ANATOMICAL:
        if np.isfinite(truth[i]).all():
            pen.line(
                [tuple(truth[i]), tuple(predicted[i])], fill=(*MISS, 255), width=round(1.6 * hair)
            )
            _ring(pen, truth[i], 1.6 * dot, TRUTH, hair)
            _dot(pen, predicted[i], dot, AXIS if i in MIDLINE else ANATOMY)
    for right, left, colour in CALLIPERS:
        if np.isfinite(truth[[right, left]]).all():
            # Height does not count, so the two lines may be at different heights.
            for points, ink, width in ((truth, TRUTH, hair), (predicted, colour, 2 * hair)):
                _calliper(pen, points[[right, left]], ink, width, 2.4 * dot)
    return layer.reduce(SUPERSAMPLING)


def _lines(
    pen: ImageDraw.ImageDraw, points: Floats, colours: tuple[Colour, Colour], width: float
) -> None:
    axis, border = colours
    for indices, colour in ((MIDLINE, axis), *((each, border) for each in BORDERS)):
        path = [(float(x), float(y)) for x, y in points[list(indices)]]
        pen.line(path, fill=(*colour, 120), width=round(width), joint="curve")


def _calliper(
    pen: ImageDraw.ImageDraw, ends: Floats, ink: Colour, width: float, tick: float
) -> None:
    level = float(ends[:, 1].mean())
    stroke = max(1, round(width))
    pen.line([(ends[0, 0], level), (ends[1, 0], level)], fill=(*ink, 230), width=stroke)
    for x in ends[:, 0]:
        pen.line([(x, level - tick), (x, level + tick)], fill=(*ink, 255), width=stroke)


def _dot(pen: ImageDraw.ImageDraw, at: Floats, radius: float, colour: Colour) -> None:
    for grow, ink in ((SUPERSAMPLING, (0, 0, 0, 130)), (0, (*colour, 255))):
        pen.ellipse(_box(at, radius + grow), fill=ink)


def _ring(
    pen: ImageDraw.ImageDraw, at: Floats, radius: float, colour: Colour, width: float
) -> None:
    pen.ellipse(_box(at, radius), outline=(*colour, 255), width=round(1.3 * width))


def _box(centre: Floats, radius: float) -> tuple[float, float, float, float]:
    x, y = float(centre[0]), float(centre[1])
    return x - radius, y - radius, x + radius, y + radius


def _caption(case: Case, width: int, side_px: int) -> Image.Image:
    """Return a caption with name, errors and index, one per line."""
    inset = max(8, side_px // 48)
    font = ImageFont.load_default(max(11.0, side_px / 42))
    lines: list[tuple[str, Colour]] = [(f"{case.category}, {case.split}: {case.name}", MUTED)]
    if case.error is not None:
        lines.append((_error_text(case), BUCKETS[case.bucket]))
        if case.expected is not None:
            lines.append((_expected_text(case), BUCKETS[case.expected_bucket]))
    if case.ict is not None and case.ict_true is not None:
        lines.append((_index_text(case), INK))
    if case.refused:
        lines.append(("taken for no frontal chest", ALERT))
    step = round(max(11.0, side_px / 42) * 1.45)
    caption = Image.new("RGB", (width, 2 * inset + step * len(lines)), GROUND)
    pen = ImageDraw.Draw(caption)
    for i, (text, colour) in enumerate(lines):
        # Names may have bytes that are not UTF-8.
        shown = fit(text.encode("utf-8", "replace").decode(), font, width - 2 * inset)
        pen.text((inset, inset + (i + 0.5) * step), shown, fill=colour, font=font, anchor="lm")
    return caption


def _error_text(case: Case) -> str:
    return f"error {case.error:.1f} px of a 224 frame: {_bucket_text(case.bucket)}"


def _expected_text(case: Case) -> str:
    bound = "" if case.upper is None else f", 90 % under {case.upper:.1f}"
    return f"expected {case.expected:.1f}: {_bucket_text(case.expected_bucket)}{bound}"


def _index_text(case: Case) -> str:
    interval = ""
    if case.ict_low is not None and case.ict_high is not None:
        interval = f" ({case.ict_low:.2f} to {case.ict_high:.2f} at 95 %)"
    return f"index {case.ict:.3f}{interval}, true {case.ict_true:.3f}"


def _bucket_text(bucket: Bucket) -> str:
    return bucket.value.replace("_", " ")
