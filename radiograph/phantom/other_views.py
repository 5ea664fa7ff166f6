"""Radiographs other than a frontal chest: a lateral view, a knee and a hand, without points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from radiograph.phantom.canvas import Ribbon, line, plain_canvas
from radiograph.phantom.exposure import collimate, draw_exposure, expose
from radiograph.phantom.projection import BONE_PER_CM, LUNG_DENSITY, RENDER_SIDE, SOFT_PER_CM
from radiograph.phantom.tissue import mottle, rounded

#: Heading of each finger and the lengths of its bones in cm, thumb first.
FINGERS = (
    (-0.75, 4.4, 2.7, 1.7, 1.2),
    (-0.20, 6.4, 3.9, 2.4, 1.6),
    (-0.02, 6.3, 4.4, 2.8, 1.7),
    (0.13, 5.6, 4.1, 2.6, 1.7),
    (0.30, 5.2, 3.2, 1.9, 1.5),
)

Picture = npt.NDArray[np.uint16]


def lateral(rng: np.random.Generator, rows: int = 768, columns: int = 640) -> Picture:
    """Return a lateral chest, (rows, columns) uint16; the patient looks to image left."""
    canvas = plain_canvas(*_grid(rows, columns), 33.0)
    u, v = canvas.u, canvas.v + np.float32(rng.normal(0.0, 0.5))
    front = -9.0 - 0.14 * (v + 6.0) + 0.010 * (v - 6.0) ** 2
    back = 9.6 + 1.4 * np.cos((v + 2.0) / 9.0)
    middle, half = 0.5 * (front + back), 0.5 * (back - front)
    body = 27.0 * rounded((u - middle) / half, 3.0) * np.clip((v + 19.0) / 7.0, 0.35, 1.0)
    arm = 8.0 * rounded((u + 3.0 + 0.55 * (v + 12.0)) / 4.5, 2.0) * np.clip(-(v + 7.0) / 4.0, 0, 1)
    floor = 7.0 + 0.055 * (u + 3.0) ** 2 + 0.10 * (u + 3.0)
    across = (u - middle + 0.4) / np.maximum(half - 2.4, 0.5)
    lung = 21.0 * rounded(across, 2.4) * np.clip((v + 13.5) / 7.0, 0.0, 1.0) ** 0.6
    lung = lung * np.clip((floor - v) / 0.25, 0.0, 1.0)
    size = float(rng.uniform(0.9, 1.15))
    lean = (u + 4.0) * 0.85 + (v - 3.0) * 0.5, (v - 3.0) * 0.85 - (u + 4.0) * 0.5
    heart = 13.0 * rounded(np.hypot(lean[0] / (5.2 * size), lean[1] / (6.8 * size)), 2.0)
    arch = 4.0 * rounded((np.hypot(u - 1.5, v + 4.0) - 3.4) / 1.4, 2.0)
    arch = arch * np.clip(-(v + 4.0 - 0.8 * (u - 1.5)) / 3.0, 0.0, 1.0)
    air = np.maximum(lung - heart - arch, 0.15 * lung)
    path = np.linspace(-18.0, 18.0, 90)
    spine = 6.2 + 1.5 * np.cos((path + 2.0) / 9.0)
    ribbons = [Ribbon(np.stack([spine, path], axis=-1), np.full(90, 1.6), 3.2, hollow=0.5)]
    for level in np.arange(-17.0, 17.0, 2.5):
        x = 6.2 + 1.5 * np.cos((level + 2.0) / 9.0)
        ribbons.append(Ribbon(line((x - 1.5, level), (x + 1.5, level)), np.full(24, 0.2), 1.3))
    for level in np.arange(-12.0, 10.0, 2.4):
        s = np.linspace(0.0, 1.0, 60)
        curve = np.stack([7.5 - 15.5 * s, level + 7.5 * s**1.3], axis=-1)
        ribbons.append(Ribbon(curve, np.full(60, 0.5), 0.7, hollow=0.7))
    sternum = np.stack([-8.0 - 0.12 * (path + 6.0), path], axis=-1)[30:68]
    ribbons.append(Ribbon(sternum, np.full(len(sternum), 0.5), 3.0, hollow=0.5))
    soft = (body**4 + arm**4) ** 0.25 * mottle(canvas.shape, rng)
    soft = np.maximum(soft - (1.0 - LUNG_DENSITY) * air, 0.0)
    return _finish(
        SOFT_PER_CM * 0.85 * soft + BONE_PER_CM * canvas.ribbons(ribbons), rows, columns, rng
    )


def limb(rng: np.random.Generator, rows: int = 900, columns: int = 512) -> Picture:
    """Return a knee with thigh and shank, (rows, columns) uint16."""
    canvas = plain_canvas(*_grid(rows, columns), 24.0)
    knee = float(rng.uniform(-3.0, 3.0))
    s = np.linspace(-26.0, 26.0, 160)
    up = np.clip(-(s - knee), 0.0, None)
    down = np.clip(s - knee, 0.0, None)
    femur = 1.5 + 2.6 * np.exp(-((up / 4.0) ** 2))
    tibia = 1.3 + 2.5 * np.exp(-((down / 3.6) ** 2))
    bend = float(rng.normal(0.0, 0.02))
    axis = np.stack([bend * (s - knee), s], axis=-1)
    upper, lower = s < knee - 0.3, s > knee + 0.3
    fibula = np.stack([axis[:, 0] + 4.3 - 0.03 * down, s], axis=-1)[down > 2.0]
    bones = [
        Ribbon(axis[upper], femur[upper], 4.2, hollow=0.7),
        Ribbon(axis[lower], tibia[lower], 4.0, hollow=0.7),
        Ribbon(fibula, np.full(len(fibula), 0.65), 1.6, hollow=0.6),
        Ribbon(line((0.0, knee - 4.6), (0.1, knee - 0.8)), np.full(24, 2.0), 1.0),
    ]
    width = 6.8 - 0.07 * (canvas.v - knee) + 0.4 * np.cos((canvas.v - knee) / 5.0)
    flesh = 12.5 * rounded((canvas.u - bend * canvas.v - 0.8) / width, 2.0)
    flesh = flesh * mottle(canvas.shape, rng)
    log = SOFT_PER_CM * flesh + 1.6 * BONE_PER_CM * canvas.ribbons(bones)
    return _finish(log * 1.15, rows, columns, rng)


def hand(rng: np.random.Generator, rows: int = 768, columns: int = 600) -> Picture:
    """Return a hand, (rows, columns) uint16; the fingers point upwards."""
    canvas = plain_canvas(*_grid(rows, columns), 19.0)
    bones: list[Ribbon] = []
    flesh: list[Ribbon] = []
    for finger, (angle, *parts) in enumerate(FINGERS):
        turn = angle + float(rng.normal(0.0, 0.03))
        heading = np.array([np.sin(turn), -np.cos(turn)])
        at = np.array([-1.9 + 0.95 * finger, 5.0])
        for part, length in enumerate(parts):
            end = at + heading * (length - 0.25)
            s = np.linspace(-1.0, 1.0, 24)
            half = (0.62 - 0.09 * part) * (0.62 + 0.42 * np.abs(s) ** 2.5)
            bones.append(Ribbon(line((at[0], at[1]), (end[0], end[1])), half, 1.0, hollow=0.5))
            if part:
                wide = np.full(24, 1.05 - 0.1 * part)
                flesh.append(Ribbon(line((at[0], at[1]), (end[0], end[1])), wide, 1.5))
            at = end + heading * 0.25
    for x, y in ((-1.6, 5.9), (-0.4, 5.7), (0.8, 5.8), (1.8, 6.0), (-0.9, 7.0), (0.6, 7.0)):
        bones.append(Ribbon(line((x - 0.1, y), (x + 0.6, y + 0.1)), np.full(24, 0.55), 1.0))
    bones.append(Ribbon(line((-1.0, 8.0), (-0.8, 14.0)), np.linspace(1.3, 0.8, 24), 1.4, 0.6))
    bones.append(Ribbon(line((1.5, 8.0), (1.2, 14.0)), np.linspace(0.8, 0.6, 24), 1.2, 0.6))
    palm = 2.6 * rounded(np.hypot((canvas.u - 0.2) / 4.2, (canvas.v - 2.8) / 5.2), 2.0)
    wrist = 3.0 * rounded((canvas.u - 0.2) / 3.0, 2.0) * np.clip((canvas.v - 3.0) / 3.0, 0.0, 1.0)
    soft = np.maximum(np.maximum(palm, wrist), np.minimum(canvas.ribbons(flesh), 1.6))
    log = 4.0 * SOFT_PER_CM * soft + 5.5 * BONE_PER_CM * canvas.ribbons(bones)
    return _finish(log, rows, columns, rng)


def _grid(rows: int, columns: int) -> tuple[int, int]:
    shrink = min(1.0, RENDER_SIDE / max(rows, columns))
    return round(rows * shrink), round(columns * shrink)


def _finish(
    log: npt.NDArray[np.floating], rows: int, columns: int, rng: np.random.Generator
) -> Picture:
    taken = expose(np.asarray(log, dtype=np.float32), rows, columns, draw_exposure(rng), rng)
    return collimate(taken, rng)
