"""A radiograph with its measurement drawn on it: points, borders, callipers and a caption.

Marks are drawn at twice the size and reduced; the image and the text are not, so both stay sharp.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from radiograph.captions import index_text, quality_text, rule_text
from radiograph.image import Radiograph
from radiograph.landmarks import ANATOMICAL, MIDLINE, Landmark
from radiograph.picture import as_picture
from radiograph.records import ERROR_FRAME_PX, Bucket, Ict, Measurement

Floats = npt.NDArray[np.float64]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]

# Distinguishable to colour-blind readers (after Okabe and Ito), and bright on a radiograph.
HEART: Colour = (255, 146, 76)
THORAX: Colour = (92, 190, 255)
ANATOMY: Colour = (250, 228, 120)
AXIS: Colour = (230, 230, 236)
GROUND: Colour = (18, 20, 24)
INK: Colour = (240, 242, 245)
MUTED: Colour = (168, 174, 184)
ALERT: Colour = (255, 170, 90)
BUCKETS: dict[Bucket, Colour] = {
    Bucket.EXCELLENT: (64, 200, 150),
    Bucket.VERY_GOOD: (130, 205, 120),
    Bucket.GOOD: (235, 205, 90),
    Bucket.REVIEW: (255, 130, 100),
    Bucket.UNRATED: (150, 156, 166),
}
#: The outer border of each lung from apex to costophrenic angle, the patient's right first.
BORDERS = (
    (
        Landmark.L12_APEX_RIGHT,
        Landmark.L3_LUNG_RIGHT_UPPER,
        Landmark.L5_LUNG_RIGHT_MIDDLE,
        Landmark.L7_LUNG_RIGHT_LOWER,
        Landmark.L14_COSTOPHRENIC_RIGHT,
    ),
    (
        Landmark.L13_APEX_LEFT,
        Landmark.L4_LUNG_LEFT_UPPER,
        Landmark.L6_LUNG_LEFT_MIDDLE,
        Landmark.L8_LUNG_LEFT_LOWER,
        Landmark.L15_COSTOPHRENIC_LEFT,
    ),
)
#: Marks are drawn this many times larger, then reduced.
SUPERSAMPLING = 2
#: Below this side points have no numbers and callipers no names.
DETAIL_FROM_PX = 480
#: The height of a picture is at least its side divided by this.
LEAST_HEIGHT = 6


def draw(
    radiograph: Radiograph,
    measurement: Measurement,
    side_px: int = 768,
    title: str | None = None,
) -> Image.Image:
    """Return an RGB image of ``measurement`` on its upright radiograph, with a caption below.

    The longer side of the radiograph becomes ``side_px``; ``title`` is in its top left corner.
    """
    return draw_on(as_picture(radiograph, side_px), measurement, side_px, title)


def draw_on(
    radiograph: Radiograph,
    measurement: Measurement,
    side_px: int,
    title: str | None = None,
) -> Image.Image:
    """Return the image of `draw` for a radiograph from `as_picture` with the same ``side_px``."""
    picture = Image.fromarray(radiograph.pixels).convert("RGB")
    size = picture.size
    points = to_upright(measurement.points, radiograph.to_source)
    radii = np.asarray(measurement.spreads, dtype=np.float64) * (side_px / ERROR_FRAME_PX)
    marks, corner = _marks(size, points, radii, side_px)
    picture.paste(marks, corner, marks)
    # A narrow strip gets a margin, so that its text has room.
    whole = max(size[0], side_px // 2), max(size[1], side_px // LEAST_HEIGHT)
    at = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
    ground = Image.new("RGB", whole, GROUND)
    ground.paste(picture, at)
    _letters(ground, points + at, measurement.ict, side_px, title)
    return _stack(ground, _caption(measurement, whole[0], side_px))


def to_upright(points: Sequence[tuple[float, float]], to_source: Floats) -> Floats:
    """Return points in pixels of the file as upright pixels, (N, 2)."""
    moved = np.asarray(points, dtype=np.float64) - to_source[:, 2]
    return np.asarray(np.linalg.solve(to_source[:, :2], moved.T).T)


def _marks(
    size: tuple[int, int], points: Floats, radii: Floats, side_px: int
) -> tuple[Image.Image, tuple[int, int]]:
    """Return a transparent RGBA layer with all marks but text, each with a dark outline.

    The layer is no larger than the marks; its corner in the picture is returned with it.
    """
    hair = max(1.0, side_px / 640) * SUPERSAMPLING
    dot = max(2.2, side_px / 210) * SUPERSAMPLING
    reach = max(float(radii[list(ANATOMICAL)].max()), 3 * dot) + 2 * hair
    corner, size = _part(size, points, reach)
    at = (points - corner + 0.5) * SUPERSAMPLING - 0.5
    layer = Image.new("RGBA", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING))
    pen = ImageDraw.Draw(layer)
    for grow, shade in ((1.5 * SUPERSAMPLING, (0, 0, 0, 120)), (0.0, None)):
        for index in ANATOMICAL:
            # A ring of one standard deviation, unless its point would hide it.
            if (radius := float(radii[index]) * SUPERSAMPLING) > dot:
                pen.ellipse(
                    _box(at[index], radius + grow / 2),
                    outline=shade or (*ANATOMY, 190),
                    width=round(0.8 * hair + grow),
                )
        pen.line(_path(at[list(MIDLINE)]), fill=shade or (*AXIS, 170), width=round(hair + grow))
        for border in BORDERS:
            pen.line(
                _path(at[list(border)]),
                fill=shade or (*ANATOMY, 190),
                width=round(hair + grow),
                joint="curve",
            )
        for ends, colour in _callipers(at):
            ink = shade or (*colour, 255)
            _dimension(pen, ends, ink, 2.0 * hair + grow, tick=2.4 * dot + grow / 2)
            for end in ends:
                pen.ellipse(_box(end, 0.7 * dot + grow / 2), fill=ink)
        for centre in at[list(ANATOMICAL)]:
            pen.ellipse(_box(centre, dot + grow / 2), fill=shade or (*ANATOMY, 255))
    return layer.reduce(SUPERSAMPLING), corner


def _part(
    size: tuple[int, int], points: Floats, reach: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return corner and size of the part of a radiograph that is within ``reach`` of its points."""
    whole = np.array(size)
    low = np.clip(np.floor(points.min(axis=0) - reach), 0, whole - 1).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + reach), low + 1, whole).astype(int)
    left, top = low.tolist()
    width, height = (high - low).tolist()
    return (left, top), (width, height)


def _callipers(at: Floats) -> tuple[tuple[Floats, Colour], tuple[Floats, Colour]]:
    """Return the ends of the thorax and the heart calliper, each (2, 2), with its colour."""
    return (
        (at[[Landmark.THORAX_RIGHT, Landmark.THORAX_LEFT]], THORAX),
        (at[[Landmark.HEART_RIGHT, Landmark.HEART_LEFT]], HEART),
    )


def _dimension(
    pen: ImageDraw.ImageDraw, ends: Floats, ink: tuple[int, ...], width: float, tick: float
) -> None:
    """Draw a horizontal line between two points, with end ticks that reach the points."""
    level = float(ends[:, 1].mean())
    stroke = round(width)
    pen.line([(ends[0, 0], level), (ends[1, 0], level)], fill=ink, width=stroke)
    for x, y in ends:
        top, bottom = min(y, level - tick), max(y, level + tick)
        pen.line([(x, top), (x, bottom)], fill=ink, width=stroke)


def _letters(
    picture: Image.Image, points: Floats, ict: Ict, side_px: int, title: str | None
) -> None:
    """Write the numbers of the points, the widths of the callipers and the title."""
    pen = ImageDraw.Draw(picture, "RGBA")
    font = _font(side_px / 44, 11)
    detail = side_px >= DETAIL_FROM_PX
    _widths(pen, points, ict, side_px, font, named=detail)
    if detail:
        _numbers(pen, points, side_px, picture.size)
    if title:
        inset = side_px / 48
        text = fit_middle(" ".join(title.split()), font, picture.width - 2 * inset)
        _plate(pen, (inset, inset), text, font, anchor="lt")


def _numbers(pen: ImageDraw.ImageDraw, points: Floats, side_px: int, size: tuple[int, int]) -> None:
    """Write 1 to 15 beside the points, on the outer side of the lungs."""
    font = _font(side_px / 58, 9)
    middle = float(points[list(MIDLINE), 0].mean())
    for index in ANATOMICAL:
        x, y = points[index]
        on_axis = index in MIDLINE
        outwards = -1 if x < middle and not on_axis else 1
        text, anchor = str(index + 1), "rm" if outwards < 0 else "lm"
        stroke = max(1, round(side_px / 380))
        at = (x + outwards * side_px / 80, y)
        box = pen.textbbox(at, text, font=font, anchor=anchor, stroke_width=stroke)
        moved = _inside(box, size)
        pen.text(
            (at[0] + moved[0], at[1] + moved[1]),
            text,
            fill=AXIS if on_axis else ANATOMY,
            font=font,
            anchor=anchor,
            stroke_width=stroke,
            stroke_fill=(0, 0, 0),
        )


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float]:
    """Return the shift (x, y) that moves a box inside the picture."""
    left, top, right, bottom = box
    return (
        max(min(0.0, size[0] - 1 - right), -left),
        max(min(0.0, size[1] - 1 - bottom), -top),
    )


def _widths(
    pen: ImageDraw.ImageDraw, points: Floats, ict: Ict, side_px: int, font: Font, *, named: bool
) -> None:
    """Write the two widths beside their callipers, in millimetres where known."""
    (thorax, _), (heart, _) = _callipers(points)
    thorax_level, heart_level = float(thorax[:, 1].mean()), float(heart[:, 1].mean())
    # Neither label is on the mid-line; that of the thorax is in the lung beside the heart. The
    # upper line has its label above, the lower one below, so neither hides the other line.
    thorax_x = float(thorax[0, 0] + heart[0, 0]) / 2
    heart_x = float(heart[0, 0] + 0.76 * (heart[1, 0] - heart[0, 0]))
    thorax_text = _width_text("thorax " if named else "", ict.thorax_width_px, ict.thorax_width_mm)
    heart_text = _width_text("heart " if named else "", ict.heart_width_px, ict.heart_width_mm)
    away = side_px / 64 if heart_level <= thorax_level else -side_px / 64
    below, above = ("mt", "mb") if away > 0 else ("mb", "mt")
    _plate(pen, (thorax_x, thorax_level + away), thorax_text, font, THORAX, anchor=below)
    _plate(pen, (heart_x, heart_level - away), heart_text, font, HEART, anchor=above)


def _width_text(name: str, px: float | None, mm: float | None) -> str:
    if px is None:
        return ""
    return f"{name}{px:.0f} px" if mm is None else f"{name}{mm:.0f} mm"


def _plate(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    font: Font,
    colour: Colour = INK,
    *,
    anchor: str,
) -> None:
    """Write text on a dark plate, which is more legible than an outline; nothing if empty."""
    if not text:
        return
    left, top, right, bottom = pen.textbbox(at, text, font=font, anchor=anchor)
    pad = max(3.0, _height(font) / 4)
    box = (left - pad, top - pad, right + pad, bottom + pad)
    x, y = _inside(box, pen.im.size)
    moved = (box[0] + x, box[1] + y, box[2] + x, box[3] + y)
    pen.rounded_rectangle(moved, radius=pad, fill=(*GROUND, 195))
    pen.text((at[0] + x, at[1] + y), text, fill=colour, font=font, anchor=anchor)


def _caption(measurement: Measurement, width: int, side_px: int) -> Image.Image:
    """Return the caption: index, threshold and expected error, wrapped to ``width``."""
    inset = max(8, round(side_px / 48))
    large, medium = _font(side_px / 27, 17), _font(side_px / 46, 11)
    bar = max(3, side_px // 160)
    room = width - 2 * inset - 2 * bar
    ict = measurement.ict
    judged = ALERT if ict.enlarged else INK
    paragraphs: tuple[tuple[str, Font, Colour], ...] = (
        (index_text(ict), large, judged),
        (rule_text(ict), medium, judged),
        (quality_text(measurement), medium, MUTED),
    )
    lines = [
        (line, font, colour)
        for text, font, colour in paragraphs
        for line in _wrap(text, font, room)
    ]
    heights = [round(1.35 * _height(font)) for _, font, _ in lines]
    caption = Image.new("RGB", (width, sum(heights) + 2 * inset), GROUND)
    pen = ImageDraw.Draw(caption)
    # A bar in the colour of the bucket, visible at a glance on a sheet.
    pen.rectangle((0, 0, bar - 1, caption.height), fill=BUCKETS[measurement.bucket])
    y = inset
    for (line, font, colour), height in zip(lines, heights, strict=True):
        pen.text((inset + bar, y + height / 2), line, fill=colour, font=font, anchor="lm")
        y += height
    return caption


def _stack(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Return the radiograph centred above its caption."""
    whole = Image.new("RGB", (lower.width, upper.height + lower.height), GROUND)
    whole.paste(upper, ((lower.width - upper.width) // 2, 0))
    whole.paste(lower, (0, upper.height))
    return whole


def _wrap(text: str, font: Font, width: float) -> list[str]:
    """Return lines: broken after the colon, then between words; a word over ``width`` is cut."""
    if font.getlength(text) <= width:
        return [text]
    head, colon, tail = text.partition(": ")
    if colon:
        return _wrap(head, font, width) + _wrap(tail, font, width)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fit(word, font, width))
    return lines


def fit_middle(text: str, font: Font, width: float) -> str:
    """Return ``text`` cut to ``width`` pixels in its middle, since names differ at their ends."""
    if font.getlength(text) <= width:
        return text
    half = len(text) // 2
    while half and font.getlength(f"{text[:half]}...{text[-half:]}") > width:
        half -= 1
    return f"{text[:half]}...{text[-half:]}" if half else "..."


def fit(text: str, font: Font, width: float) -> str:
    """Return ``text`` cut to ``width`` pixels; dots mark a cut."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _font(size: float, least: int) -> Font:
    return ImageFont.load_default(max(float(least), size))


def _height(font: Font) -> float:
    box = font.getbbox("Ag[")
    return float(box[3] - box[1])


def _box(centre: Floats, radius: float) -> tuple[float, float, float, float]:
    x, y = float(centre[0]), float(centre[1])
    return x - radius, y - radius, x + radius, y + radius


def _path(points: Floats) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]
