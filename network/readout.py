"""Predictions from the raw output of a network: flip averaging, then projection onto the figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from network.axis import onto_axis
from network.prediction import Prediction
from radiograph.landmarks import ANATOMICAL, MIRROR

_FIELDS = 3


def predictions(read: Sequence[npt.NDArray[np.float32]], side: int) -> list[Prediction]:
    """Return predictions for N squares of ``side`` px.

    ``read``: points (N, 19, 2), log Laplace scales (N, 19, 2) and frontal logits (N,), as in
    `network.landmark_network.NetworkOutput`; then the same for the mirror images, if computed.
    """
    points, log_scales, frontal = (each.astype(np.float64) for each in read[:_FIELDS])
    # A Laplace variable of scale b has variance 2 b squared.
    spreads = np.exp(log_scales) * math.sqrt(2.0)
    disagreement = None
    if len(read) > _FIELDS:
        order = list(MIRROR)
        back, back_scales = (
            each.astype(np.float64)[:, order] for each in read[_FIELDS : _FIELDS + 2]
        )
        back[..., 0] = side - 1 - back[..., 0]
        apart = np.abs(back - points)
        disagreement = np.linalg.norm(apart[:, list(ANATOMICAL)], axis=2).mean(axis=1)
        points = (points + back) / 2
        spreads = (spreads + np.exp(back_scales) * math.sqrt(2.0)) / 2
        # The standard deviation of two values is half of their difference.
        spreads = spreads + apart / 2
    # Callipers measure along x only; an anatomical point errs along both axes.
    radial = np.hypot(spreads[..., 0], spreads[..., 1])
    anatomical = np.arange(points.shape[1]) < len(ANATOMICAL)
    spread = np.where(anatomical, radial, spreads[..., 0])
    placed = onto_axis(points, spread)
    # The distance a point moved onto the figure predicts its error as well as its spread does.
    spread = spread + np.linalg.norm(placed - points, axis=2)
    # The logistic function, in a form that cannot overflow.
    upright = np.exp(-np.logaddexp(0.0, -frontal))
    return [
        Prediction(
            points=placed[i],
            spreads=spread[i],
            frontal_probability=float(upright[i]),
            flip_disagreement_px=None if disagreement is None else float(disagreement[i]),
        )
        for i in range(len(placed))
    ]
