"""The shape of annotated or predicted points: symmetry about the mid-line, and pair lengths.

The definitions of the loss, on NumPy arrays and without torch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from radiograph.landmarks import ANATOMICAL, MIDLINE, PAIRS, Landmark

Floats = npt.NDArray[np.float64]

#: The adult PA threshold of the index, used here for every view.
ENLARGED_ABOVE = 0.50
#: The pairs of the fifteen landmarks, the patient's right first.
LATERAL_PAIRS = tuple(pair for pair in PAIRS if set(pair) <= set(ANATOMICAL))
#: The lengths that are to be preserved: (1, 2), (9, 10), (3, 4), (5, 6), (7, 8).
LENGTH_PAIRS = ((0, 1), (8, 9), (2, 3), (4, 5), (6, 7))


def asymmetry(points: Floats) -> Floats:
    """Return the distance of each left point from its reflected right one, (N, 5).

    ``points`` (N, 15 or 19, 2) in any unit; the mid-line is the line of
    least squares through its five points.
    """
    middle = points[:, list(MIDLINE)]
    centre = middle.mean(axis=1, keepdims=True)
    spread = (middle - centre).transpose(0, 2, 1) @ (middle - centre)
    along = np.linalg.eigh(spread)[1][:, None, :, 1]
    right = points[:, [pair[0] for pair in LATERAL_PAIRS]] - centre
    left = points[:, [pair[1] for pair in LATERAL_PAIRS]] - centre
    reflected = 2 * (right * along).sum(axis=2, keepdims=True) * along - right
    return np.asarray(np.linalg.norm(left - reflected, axis=2), np.float64)


def pair_lengths(points: Floats) -> Floats:
    """Return the distances of the five pairs, (N, 5), in the unit of ``points``."""
    first = points[:, [pair[0] for pair in LENGTH_PAIRS]]
    second = points[:, [pair[1] for pair in LENGTH_PAIRS]]
    return np.asarray(np.linalg.norm(first - second, axis=2), np.float64)


def index_of(points: Floats) -> Floats:
    """Return the cardiothoracic index of (N, 19, 2) points, (N,); NaN without callipers."""
    heart = points[:, Landmark.HEART_LEFT, 0] - points[:, Landmark.HEART_RIGHT, 0]
    thorax = points[:, Landmark.THORAX_LEFT, 0] - points[:, Landmark.THORAX_RIGHT, 0]
    return np.asarray(heart / thorax)
