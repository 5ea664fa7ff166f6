"""Predictions of a network for samples, and their errors against the annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from network.prediction import Prediction, Predicts
from radiograph.landmarks import ANATOMICAL
from training.samples import Samples

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions on N samples: (N, 19, 2) points and (N, 19) spreads in px of the square."""

    points: Floats
    spreads: Floats
    frontal: Floats

    def where(self, keep: npt.NDArray[np.bool_]) -> Predictions:
        """Return the predictions for which ``keep`` (N,) is true."""
        return Predictions(self.points[keep], self.spreads[keep], self.frontal[keep])

    @classmethod
    def averaged(cls, members: Sequence[Predictions]) -> Predictions:
        """Return the average of an ensemble; disagreement widens the spreads."""
        if len(members) == 1:
            return members[0]
        points = np.stack([member.points for member in members])
        spreads = np.stack([member.spreads for member in members])
        mean = points.mean(axis=0)
        apart = np.square(points - mean).sum(axis=3)
        return cls(
            points=mean,
            spreads=np.sqrt((np.square(spreads) + apart).mean(axis=0)),
            frontal=np.mean([member.frontal for member in members], axis=0),
        )


def predict(predictor: Predicts, samples: Samples, size: int = 16) -> Predictions:
    """Return predictions for samples read at the network's side."""
    predicted: list[Prediction] = []
    for start in range(0, len(samples), size):
        predicted += predictor.predict(samples.images[start : start + size])
    return Predictions(
        points=np.stack([p.points for p in predicted]),
        spreads=np.stack([p.spreads for p in predicted]),
        frontal=np.array([p.frontal_probability for p in predicted]),
    )


def case_errors(samples: Samples, predictions: Predictions) -> Floats:
    """Return the mean error of each case over the fifteen landmarks, px of a 224 frame, or NaN."""
    return np.asarray(point_errors(samples, predictions)[:, list(ANATOMICAL)].mean(axis=1))


def point_errors(samples: Samples, predictions: Predictions) -> Floats:
    """Return the error of every point, (N, 19), px of a 224 frame; NaN if not annotated."""
    offset = (predictions.points - samples.points) * samples.scale[:, None, None]
    return np.asarray(np.linalg.norm(offset, axis=2), np.float64)
