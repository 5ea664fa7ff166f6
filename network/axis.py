"""The fifteen landmarks as one figure: an axis down the mid-line and widths measured across it.

The annotation has fourteen degrees of freedom, not thirty: L1 and L2 end the axis, L9, L10 and
L11 quarter it, and each pair is on the perpendicular through its quarter. The thirty coordinates a
network predicts are projected onto the nearest such figure, which reduces their noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from radiograph.landmarks import ANATOMICAL, Landmark

Floats = npt.NDArray[np.float64]

#: Position of each landmark along the axis, from L1 (0) to L2 (1).
LEVELS = {
    Landmark.L1_MIDLINE_APEX: 0.0,
    Landmark.L2_MIDLINE_COSTOPHRENIC: 1.0,
    Landmark.L3_LUNG_RIGHT_UPPER: 0.25,
    Landmark.L4_LUNG_LEFT_UPPER: 0.25,
    Landmark.L5_LUNG_RIGHT_MIDDLE: 0.5,
    Landmark.L6_LUNG_LEFT_MIDDLE: 0.5,
    Landmark.L7_LUNG_RIGHT_LOWER: 0.75,
    Landmark.L8_LUNG_LEFT_LOWER: 0.75,
    Landmark.L9_MIDLINE_UPPER: 0.25,
    Landmark.L10_MIDLINE_MIDDLE: 0.5,
    Landmark.L11_MIDLINE_LOWER: 0.75,
    Landmark.L12_APEX_RIGHT: 0.0,
    Landmark.L13_APEX_LEFT: 0.0,
    Landmark.L14_COSTOPHRENIC_RIGHT: 1.0,
    Landmark.L15_COSTOPHRENIC_LEFT: 1.0,
}
_MIDLINE = (0, 1, 8, 9, 10)
_BESIDE = tuple(i for i in ANATOMICAL if i not in _MIDLINE)
_UNKNOWNS = 4 + len(_BESIDE)  # both ends of the axis, one signed width per point beside it
#: The perpendicular depends on the axis being solved for; it converges within two rounds.
_ROUNDS = 3


def onto_axis(points: Floats, spreads: Floats) -> Floats:
    """Return (N, 19, 2) points whose first fifteen form the figure nearest to ``points``.

    ``spreads`` (N, 19): standard deviations in the same unit, the weights of the least-squares fit.
    Any pixel frame without shear.
    """
    anatomical = list(ANATOMICAL)
    observed = points[:, anatomical].reshape(len(points), -1, 1)
    weight = np.repeat(1.0 / np.maximum(spreads[:, anatomical], 1e-3), 2, axis=1)[..., None]
    top, base = points[:, 0], points[:, 1]
    for _ in range(_ROUNDS):
        along = base - top
        length = np.linalg.norm(along, axis=1, keepdims=True)
        if not (length > 0).all():
            return points  # no axis to project onto; other checks refuse what is not a chest
        design = _design(along / length)
        weighted = design * weight
        transposed = weighted.transpose(0, 2, 1)
        solved = np.asarray(
            np.linalg.solve(transposed @ weighted, transposed @ (observed * weight)), np.float64
        )
        top, base = solved[:, 0:2, 0], solved[:, 2:4, 0]
    drawn = points.copy()
    drawn[:, anatomical] = (design @ solved).reshape(len(points), -1, 2)
    return drawn


def _design(along: Floats) -> Floats:
    """Return the (N, 30, 14) matrices from unknowns to coordinates, for axis directions (N, 2)."""
    across = np.stack((-along[:, 1], along[:, 0]), axis=1)
    design = np.zeros((len(along), 2 * len(ANATOMICAL), _UNKNOWNS))
    for i in ANATOMICAL:
        level = LEVELS[Landmark(i)]
        for axis in (0, 1):
            design[:, 2 * i + axis, axis] = 1.0 - level
            design[:, 2 * i + axis, 2 + axis] = level
            if i in _BESIDE:
                design[:, 2 * i + axis, 4 + _BESIDE.index(i)] = across[:, axis]
    return design
