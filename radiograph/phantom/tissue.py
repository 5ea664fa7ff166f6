"""Soft tissue, lung, heart, airways and vessels of a frontal chest as path lengths."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from radiograph.phantom.anatomy import LEFT, RIGHT, Anatomy, Side
from radiograph.phantom.canvas import Canvas, Grid, Ribbon, line
from radiograph.phantom.exposure import resize


def trunk(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return the path length through the body: torso, shoulders, neck, arms, breasts."""
    u, v = canvas.u, canvas.v
    wide = np.abs(u)
    side = (u > 0).astype(np.intp)
    half = (np.asarray(anatomy.half_widths, dtype=np.float32) + np.float32(anatomy.wall))[side]
    waist = half * (1.0 - 0.04 * np.clip((v - anatomy.lung_height) / 8.0, 0.0, 1.0))
    depth = anatomy.body_depth * np.clip(0.66 + 0.34 * v / 9.0, 0.5, 1.0)
    torso = depth * rounded(wide / waist, 4.2)
    crest = -5.2 + anatomy.shoulder_drop * np.maximum(wide - 5.0, 0.0)
    crest = crest + 0.035 * np.maximum(wide - 15.0, 0.0) ** 2
    below = np.clip(v - crest, 0.0, 7.0)
    cover = np.sqrt(below * (14.0 - below)) / 7.0
    # Above the armpits the torso is closed by the shoulders, which reach out of the picture.
    shoulders = 16.0 * cover * np.clip(1.0 - (v - 6.0) / 7.0, 0.0, 1.0) ** 0.5
    shoulders = shoulders * rounded(np.maximum(wide - 8.0, 0.0) / 17.5, 2.4)
    torso = torso * cover
    neck = 11.0 * rounded(wide / (5.4 + 0.25 * np.clip(v + 6.0, 0.0, 12.0)), 2.0)
    neck = neck * np.clip((1.0 - v) / 6.0, 0.0, 1.0)
    arm_u = wide - (half + 2.4) - math.tan(anatomy.arm_angle) * (v - 3.0)
    arm = 9.5 * rounded(arm_u / 4.9, 2.0) * np.clip((v - 1.0) / 5.0, 0.0, 1.0)
    total = (torso**4 + shoulders**4 + neck**4 + arm**4) ** 0.25
    if anatomy.breast > 0.0:
        reach = np.hypot((wide - 8.2) / 6.9, (v - 0.70 * anatomy.lung_height) / 6.2)
        droop = np.where(v > 0.70 * anatomy.lung_height, reach, np.hypot(reach, 0.1))
        total = total + anatomy.breast * rounded(droop, 2.0)
    return np.asarray(total, dtype=np.float32)


def lungs(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return the path length through air-filled lung, without subtracting the heart."""
    total = np.zeros(canvas.shape, dtype=np.float32)
    height = anatomy.lung_height
    # Each border depends on one coordinate, so it is tabulated and looked up per cell.
    levels = np.linspace(-1.0, height + 1.0, 1400)
    distances = np.linspace(0.0, 20.0, 1000)
    sides: tuple[Side, Side] = (RIGHT, LEFT)
    for side in sides:
        lateral = side * canvas.u
        outer = np.interp(canvas.v, levels, anatomy.outer(side, levels)).astype(np.float32)
        inner = np.interp(canvas.v, levels, anatomy.inner(side, levels)).astype(np.float32)
        floor = np.interp(lateral, distances, anatomy.diaphragm(side, distances))
        rise = np.clip(canvas.v / (0.5 * height), 0.0, 1.0)
        depth = 0.80 * anatomy.body_depth * (1.0 - (1.0 - rise) ** 2.2) ** 0.42
        thick = depth * rounded(lateral / np.maximum(outer, 0.1), 2.8)
        # The mediastinal side is steep, so its border is visible as a line.
        thick *= np.clip((lateral - inner) / 0.9, 0.0, 1.0) ** 0.5
        # The lung continues behind the dome and fades there.
        under = np.clip((canvas.v - floor) / 0.12, 0.0, 1.0)
        behind = 0.16 * np.exp(-np.maximum(canvas.v - floor, 0.0) / 2.2)
        behind = behind * np.clip((height + 1.5 - canvas.v) / 3.0, 0.0, 1.0)
        thick *= 1.0 - under + under * behind
        inside = (lateral > inner) & (lateral < outer) & (canvas.v > 0.0)
        total += np.where(inside, thick, 0.0).astype(np.float32)
    return total


def heart(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return how much lung the heart displaces along the beam, in cm."""
    levels = np.linspace(anatomy.heart_top - 0.5, anatomy.heart_bottom + 2.0, 900)
    right, left = (np.nan_to_num(border) for border in anatomy.heart(levels))
    far_right = np.interp(canvas.v, levels, right, left=0.0, right=0.0)
    far_left = np.interp(canvas.v, levels, left, left=0.0, right=0.0)
    half = 0.5 * (far_right + far_left)
    centre = 0.5 * (far_left - far_right)
    across = (canvas.u - centre) / np.maximum(half, 0.1)
    thick = 0.80 * anatomy.body_depth * np.clip(half / 4.5, 0.0, 1.0) * rounded(across, 2.0)
    return np.asarray(np.where(half > 0.1, thick, 0.0), dtype=np.float32)


def airways(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return trachea and main bronchi."""
    carina = 0.27 * anatomy.lung_height
    tube = [
        Ribbon(line((-0.2, -12.0), (-0.5, carina)), np.full(24, 0.95), 1.9),
        Ribbon(line((-0.4, carina), (-3.4, carina + 3.2)), np.full(24, 0.65), 1.2),
        Ribbon(line((-0.4, carina), (3.9, carina + 3.6)), np.full(24, 0.55), 1.0),
    ]
    return canvas.ribbons(tube)


def stomach(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return the gas bubble under the left dome."""
    top = float(anatomy.diaphragm(LEFT, 7.0)) + 0.7
    reach = np.hypot((canvas.u - 7.0) / 3.6, (canvas.v - top - 1.5) / 1.7)
    return np.asarray(anatomy.stomach_gas * rounded(reach, 2.0), dtype=np.float32)


def vessels(anatomy: Anatomy, rng: np.random.Generator) -> list[Ribbon]:
    """Return two trees that fan out from the hila, thinner with every fork."""
    ribbons: list[Ribbon] = []
    s = np.linspace(0.0, 1.0, 12)
    for side in (RIGHT, LEFT):
        hilum = np.array([side * anatomy.mediastinum[side > 0], 0.42 * anatomy.lung_height])
        angles = np.linspace(-1.25, 1.45, 8) + rng.normal(0.0, 0.1, 8)
        tips = [(hilum, float(angle), float(rng.uniform(2.6, 4.0)), 0.38, 0) for angle in angles]
        while tips:
            start, angle, length, radius, forks = tips.pop()
            turn = angle + float(rng.normal(0.0, 0.25)) * s
            steps = np.stack([side * np.cos(turn), np.sin(turn)], axis=-1) * length / len(s)
            path = start + np.cumsum(steps, axis=0)
            ribbons.append(Ribbon(path, radius * (1.0 - 0.3 * s), 4.2 * radius))
            for spread in (-0.32, 0.30) if forks < 3 else ():
                child = float(turn[-1] + spread + rng.normal(0.0, 0.12))
                shorter = length * float(rng.uniform(0.6, 0.95))
                tips.append((path[-1], child, shorter, radius * 0.68, forks + 1))
    return ribbons


def mottle(shape: tuple[int, int], rng: np.random.Generator) -> Grid:
    """Return factors around 1: fat, muscle and bowel are not homogeneous."""
    rows, columns = shape
    coarse = rng.standard_normal((14, 14), dtype=np.float32)
    fine = rng.standard_normal((60, 60), dtype=np.float32)
    field = 0.018 * resize(coarse, rows, columns) + 0.008 * resize(fine, rows, columns)
    return np.asarray(1.0 + field, dtype=np.float32)


def rounded(x: npt.NDArray[np.floating], power: float) -> npt.NDArray[np.floating]:
    """Return the profile of a rounded body: 1 in the middle, 0 at ``|x| = 1``."""
    return np.asarray(np.sqrt(np.maximum(1.0 - np.abs(x) ** power, 0.0)))
