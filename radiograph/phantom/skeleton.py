"""The bones of a frontal chest as ribbons and path lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from radiograph.phantom.anatomy import LEFT, RIGHT, Anatomy, Side
from radiograph.phantom.canvas import Canvas, Grid, Ribbon, line

Points = npt.NDArray[np.float64]


def bone(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Grid:
    """Return the path length through bone in cm."""
    ribbons: list[Ribbon] = []
    for side in (RIGHT, LEFT):
        ribbons += _ribs(anatomy, side, rng)
        ribbons += _shoulder(anatomy, side, rng)
    return canvas.ribbons(ribbons) + _spine(canvas, anatomy)


def _ribs(anatomy: Anatomy, side: Side, rng: np.random.Generator) -> list[Ribbon]:
    """Return each rib as a helix: from the spine back and out, then forward and down."""
    ribbons = []
    spacing = anatomy.lung_height * 0.092
    for number in range(1, 12):
        start = -0.7 + spacing * (number - 1) * (0.9 + 0.012 * number)
        drop = (0.6 + 0.62 * min(number, 8)) * anatomy.rib_slope
        # The front ends of the upper ribs reach the sternum, the lower ones stop short of it.
        reach = np.deg2rad(158.0 - 5.0 * max(number - 4, 0) + rng.normal(0.0, 2.0))
        if number > 9:
            reach = np.deg2rad(112.0)
        phi = np.linspace(np.deg2rad(6.0), reach, 90)
        level = start + drop * 0.5 * (1.0 - np.cos(phi)) - 0.5 * np.sin(2.0 * phi)
        level = level + drop * 0.55 * np.clip(phi - 0.5 * np.pi, 0.0, None)
        lateral = float(anatomy.outer(side, max(start + 0.5 * drop, 0.4))) + 0.25
        if number < 3:
            lateral += 0.5 / number
        bow = np.sin(phi) ** 0.85
        path = np.stack([side * lateral * bow, level], axis=-1)
        depth = 0.36 * anatomy.body_depth
        steps = np.sqrt((lateral * np.cos(phi)) ** 2 + (depth * np.sin(phi)) ** 2)
        half = np.interp(phi, [0.1, 0.8, 1.6, 2.8], [0.4, 0.52, 0.42, 0.55])
        ribbons.append(
            Ribbon(
                path,
                half * float(rng.uniform(0.92, 1.08)),
                0.45 if number == 1 else 0.8,
                hollow=0.72,
                step=float(steps.mean() * (phi[1] - phi[0])),
            )
        )
    return ribbons


def _shoulder(anatomy: Anatomy, side: Side, rng: np.random.Generator) -> list[Ribbon]:
    """Return clavicle, scapula edges, humeral head and shaft."""
    span = anatomy.half_widths[side > 0] + 2.6
    lift = anatomy.clavicle_lift + float(rng.normal(0.0, 0.2))
    s = np.linspace(0.0, 1.0, 50)
    curve = np.stack(
        [side * (1.6 + (span - 1.6) * s), 3.1 - lift * s**0.8 + 0.6 * np.sin(2.2 * np.pi * s)],
        axis=-1,
    )
    thick = np.interp(s, [0.0, 0.12, 0.5, 1.0], [0.95, 0.68, 0.5, 0.72])
    clavicle = Ribbon(curve, thick, 1.9, hollow=0.62)
    top = curve[-1, 1]
    blade = anatomy.half_widths[side > 0] * 0.93 + 0.8 - anatomy.scapula_inset
    tip = np.array([side * blade, top + 15.0])
    inner_corner = np.array([side * (blade - 3.4), top + 3.0])
    socket = np.array([side * (span + 0.2), top + 3.4])
    head = np.array([side * (span + 2.4), top + 3.3])
    shaft = head + 20.0 * np.array([side * np.sin(anatomy.arm_angle), np.cos(anatomy.arm_angle)])

    def edge(a: Points, b: Points, half: float, thickness: float) -> Ribbon:
        path = line((a[0], a[1]), (b[0], b[1]))
        path[:, 0] += side * 0.5 * np.sin(np.linspace(0.0, np.pi, len(path)))
        return Ribbon(path, np.full(len(path), half), thickness)

    middle = 0.5 * (inner_corner + socket)
    disc = line((head[0] - 0.01, head[1] - 2.2), (head[0] + 0.01, head[1] + 2.2), 40)
    round_off = np.sqrt(np.maximum(1.0 - np.linspace(-1, 1, 40) ** 2, 0.02))
    return [
        clavicle,
        edge(inner_corner, tip, 0.16, 0.7),
        edge(socket, tip, 0.28, 0.8),
        edge(inner_corner + np.array([0.0, 0.4]), socket, 0.25, 0.6),
        Ribbon(line((middle[0], middle[1]), (tip[0], tip[1])), np.linspace(3.2, 0.5, 24), 0.35),
        Ribbon(disc, 2.4 * round_off, 2.8, hollow=0.5),
        Ribbon(line((head[0], head[1] + 1.0), (shaft[0], shaft[1])), np.full(24, 1.25), 2.0, 0.6),
    ]


def _spine(canvas: Canvas, anatomy: Anatomy) -> Grid:
    """Return vertebral bodies with their end plates, pedicles and spinous processes."""
    u, v = canvas.u, canvas.v
    columns = np.abs(u) < 3.6
    height = 0.092 * anatomy.lung_height
    half = np.clip(1.45 + 0.022 * v, 1.2, 2.3)
    phase = ((v + 40.0 * height) / height) % 1.0
    waist = 1.0 - 0.10 * np.sin(np.pi * phase)
    edge = np.clip((half * waist - np.abs(u)) / 0.12, 0.0, 1.0)
    body = np.clip((0.5 - np.abs(phase - 0.5)) * height / 0.16 - 0.6, 0.0, 1.0)
    plate = np.exp(-(((0.5 - np.abs(phase - 0.5)) * height - 0.24) ** 2) / 0.008)
    wall = np.exp(-(((half * waist - np.abs(u)) - 0.15) ** 2) / 0.02)
    pedicle = np.exp(
        -((((np.abs(u) - 0.62 * half) / 0.34) ** 2 + ((phase - 0.42) * height / 0.5) ** 2) ** 2)
    )
    spinous = np.exp(-(((u / 0.28) ** 2 + ((phase - 0.8) * height / 0.5) ** 2) ** 2))
    path = edge * (0.35 + 0.42 * body + 0.3 * plate + 0.25 * wall * body)
    path = path + 0.35 * pedicle + 0.4 * spinous
    # Further down more tissue scatters over the spine.
    path = path * np.clip(1.15 - 0.022 * v, 0.5, 1.2)
    return np.asarray(np.where(columns, path, 0.0), dtype=np.float32)
