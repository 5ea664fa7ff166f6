"""The geometry of one synthetic chest, in centimetres, and its true points.

Frame of the body: ``u`` grows to image right (the patient's left) from the mid-line, ``v`` grows
downwards from the level of the lung apices. A side is -1 (patient's right) or +1 (left).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from radiograph.landmarks import Landmark

Floats = npt.NDArray[np.float64]
Side = Literal[-1, 1]
RIGHT: Side = -1
LEFT: Side = 1


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One frontal adult chest; lengths in cm, ``tilt`` in radians.

    ``half_widths``: inner rib cage at its widest, right and left. ``domes``: height of the
    diaphragm above the costophrenic level, right and left. ``heart_extents``: how far the heart
    reaches from the mid-line, right and left.
    """

    field: float
    tilt: float
    shift: tuple[float, float]
    lung_height: float
    half_widths: tuple[float, float]
    apex_fraction: float
    roundness: float
    taper: float
    domes: tuple[float, float]
    dome_peak: float
    mediastinum: tuple[float, float]
    hilum: float
    knob_level: float
    knob_bulge: float
    heart_extents: tuple[float, float]
    heart_top: float
    heart_bottom: float
    body_depth: float
    wall: float
    shoulder_drop: float
    arm_angle: float
    breast: float
    stomach_gas: float
    clavicle_lift: float
    rib_slope: float
    scapula_inset: float

    def outer(self, side: Side, v: npt.ArrayLike) -> Floats:
        """Return the distance of the outer lung border from the mid-line at levels ``v``."""
        t = np.clip(np.asarray(v, dtype=np.float64) / self.lung_height, 0.0, 1.0)
        rise = np.sqrt(1.0 - (1.0 - t) ** self.roundness)
        width = self.half_widths[side > 0]
        cage = width * (self.apex_fraction + (1.0 - self.apex_fraction) * rise)
        # Below three quarters the rib cage narrows again, as in most adults.
        return np.asarray(cage - self.taper * (np.maximum(t - 0.75, 0.0) / 0.25) ** 2)

    def inner(self, side: Side, v: npt.ArrayLike) -> Floats:
        """Return the distance of the inner lung border (without the heart) at levels ``v``."""
        levels = np.asarray(v, dtype=np.float64)
        t = np.clip(levels / self.lung_height, 0.0, 1.0)
        border = self.mediastinum[side > 0] + self.hilum * _bump(
            levels, 0.42 * self.lung_height, 2.4
        )
        if side > 0:
            border = border + self.knob_bulge * _bump(levels, self.knob_level, 1.7)
        apex = self.half_widths[side > 0] * self.apex_fraction
        near_apex = 1.0 - np.sqrt(1.0 - (1.0 - np.minimum(t / 0.2, 1.0)) ** 2)
        return np.asarray(border + (apex - border) * near_apex)

    def diaphragm(self, side: Side, lateral: npt.ArrayLike) -> Floats:
        """Return the level of the diaphragm at distances ``lateral`` from the mid-line."""
        width = float(self.outer(side, self.lung_height))
        q = np.clip((width - np.asarray(lateral, dtype=np.float64)) / width, 0.0, 1.3)
        rim = 1.0 - np.minimum(q / self.dome_peak, 1.0)
        fall = np.maximum(q - self.dome_peak, 0.0) / (1.0 - self.dome_peak)
        dome = (1.0 - rim**2) ** 0.8 - 0.3 * fall**2
        return np.asarray(self.lung_height - self.domes[side > 0] * dome)

    def heart(self, v: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return how far the heart reaches right and left of the mid-line; NaN off the heart."""
        levels = np.asarray(v, dtype=np.float64)
        tau = (levels - self.heart_top) / (self.heart_bottom - self.heart_top)
        inside = (tau >= 0.0) & (tau <= 1.07)
        tau = np.clip(tau, 0.0, 1.07)
        right_swell = np.where(
            tau < 0.62, np.sin(0.5 * np.pi * tau / 0.62), _arc((tau - 0.62) / 0.62)
        )
        left_swell = np.where(
            tau < 0.8, np.sin(0.5 * np.pi * (tau / 0.8) ** 1.15), _arc((tau - 0.8) / 0.275)
        )
        start_right, start_left = self.mediastinum
        right = start_right + (self.heart_extents[0] - start_right) * right_swell
        left = start_left + (self.heart_extents[1] - start_left) * left_swell
        return np.where(inside, right, np.nan), np.where(inside, left, np.nan)

    def pixels_per_cm(self, rows: int, columns: int) -> float:
        """Return the scale of an image; its shorter side shows ``field`` centimetres."""
        return min(rows, columns) / self.field

    def to_image(self, body: npt.ArrayLike, rows: int, columns: int) -> Floats:
        """Map ``(..., 2)`` body points in cm to image pixels ``(x, y)``."""
        points = np.asarray(body, dtype=np.float64)
        scale = self.pixels_per_cm(rows, columns)
        u, v = points[..., 0], points[..., 1] - self.lung_height / 2.0
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        x = (columns - 1) / 2.0 + scale * (self.shift[0] + cos * u - sin * v)
        y = (rows - 1) / 2.0 + scale * (self.shift[1] + sin * u + cos * v)
        return np.stack([x, y], axis=-1)

    def points(self, rows: int, columns: int) -> Floats:
        """Return the true points, ``(19, 2)`` in image pixels, ordered as ``Landmark``."""
        body = np.zeros((len(Landmark), 2))
        quarters = self.lung_height * np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        midline = (0, 8, 9, 10, 1)
        body[midline, 1] = quarters
        for side, borders in ((RIGHT, (11, 2, 4, 6, 13)), (LEFT, (12, 3, 5, 7, 14))):
            body[borders, 0] = side * self.outer(side, quarters)
            body[borders, 1] = quarters
        points = self.to_image(body, rows, columns)
        points[15:] = self._callipers(rows, columns)
        return points

    @property
    def ict(self) -> float:
        """Return the true cardiothoracic index: both widths along the image's transverse axis."""
        x = self._callipers(1000, 1000)[:, 0]
        return float((x[1] - x[0]) / (x[3] - x[2]))

    def _callipers(self, rows: int, columns: int) -> Floats:
        """Return the extreme points of heart and thorax, ``(4, 2)`` in image pixels."""
        levels = np.linspace(self.heart_top, self.heart_bottom, 801)
        right, left = self.heart(levels)
        cage = np.linspace(0.0, self.lung_height, 801)
        borders = (
            (RIGHT, right, levels),
            (LEFT, left, levels),
            (RIGHT, self.outer(RIGHT, cage), cage),
            (LEFT, self.outer(LEFT, cage), cage),
        )
        points = np.zeros((4, 2))
        for index, (side, distance, v) in enumerate(borders):
            line = self.to_image(np.stack([side * distance, v], axis=-1), rows, columns)
            points[index] = line[np.argmax(side * line[:, 0])]
        return points


def draw_anatomy(rng: np.random.Generator, *, portable: bool = False) -> Anatomy:
    """Return a random adult chest; ``portable``: at the bedside, larger heart, more tilt."""
    width = rng.normal(14.3, 0.9) if not portable else rng.normal(14.6, 0.9)
    width = float(np.clip(width, 12.4, 16.6))
    height = float(np.clip(rng.normal(24.0, 1.7) - (2.0 if portable else 0.0), 19.0, 28.0))
    lean = float(rng.normal(0.0, 0.025))
    half_widths = (width * (1.0 + lean), width * (1.0 - lean))
    ratio = float(np.clip(rng.normal(0.55 if portable else 0.485, 0.055), 0.36, 0.66))
    heart_width = 2.0 * ratio * width
    right_share = float(rng.uniform(0.30, 0.37))
    # The apex stays inside the rib cage; a larger heart extends further to the right.
    heart_left = min(heart_width * (1.0 - right_share), half_widths[1] * 0.93)
    heart_right = heart_width - heart_left
    dome_right = float(rng.uniform(3.6, 5.8))
    dome_left = dome_right - float(rng.uniform(0.5, 1.7))
    floor = height - dome_left
    fraction = float(rng.uniform(0.69, 0.80))
    field = max(2.0 * width / fraction, height / 0.74)
    tilt = float(rng.normal(0.0, 0.06 if portable else 0.02))
    return Anatomy(
        field=field,
        tilt=float(np.clip(tilt, -0.14, 0.14)),
        shift=(float(rng.normal(0.0, 0.4)), float(rng.normal(-0.045, 0.02) * field)),
        lung_height=height,
        half_widths=half_widths,
        apex_fraction=float(rng.uniform(0.37, 0.44)),
        roundness=float(rng.uniform(1.5, 1.9)),
        taper=float(rng.uniform(0.1, 0.9)),
        domes=(dome_right, dome_left),
        dome_peak=float(rng.uniform(0.42, 0.52)),
        mediastinum=(
            min(float(rng.uniform(2.4, 3.1)), heart_right - 0.7),
            min(float(rng.uniform(2.3, 2.9)), heart_left - 2.0),
        ),
        hilum=float(rng.uniform(0.1, 0.6)),
        knob_level=float(rng.uniform(0.24, 0.30)) * height,
        knob_bulge=float(rng.uniform(0.3, 1.5)),
        heart_extents=(heart_right, heart_left),
        heart_top=float(rng.uniform(0.40, 0.45)) * height,
        heart_bottom=floor + float(rng.uniform(0.4, 1.2)),
        body_depth=float(rng.uniform(19.0, 24.0)),
        wall=float(rng.uniform(2.4, 4.2)),
        shoulder_drop=float(rng.uniform(0.12, 0.24)),
        arm_angle=float(rng.uniform(0.15, 0.6)),
        breast=float(max(rng.uniform(-3.0, 3.6), 0.0)),
        stomach_gas=float(max(rng.uniform(-2.0, 5.0), 0.0)),
        clavicle_lift=float(rng.uniform(1.5, 4.0)),
        rib_slope=float(rng.uniform(0.85, 1.2)),
        scapula_inset=float(rng.uniform(0.0, 2.5)) if portable else float(rng.uniform(-1.5, 0.8)),
    )


def _bump(v: Floats, centre: float, width: float) -> Floats:
    return np.asarray(np.exp(-(((v - centre) / width) ** 2)))


def _arc(x: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(1.0 - np.clip(x, 0.0, None) ** 2, 0.0)))
