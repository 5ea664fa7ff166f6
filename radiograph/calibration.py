"""Calibration: expected errors from the spreads of a network's points, in px of a 224 frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from radiograph.landmarks import ANATOMICAL, Landmark
from radiograph.records import ERROR_FRAME_PX

Floats = npt.NDArray[np.float64]


def uncertainty_score(spreads_px224: Floats) -> float:
    """Return the mean spread of the fifteen landmarks, from (19,) spreads."""
    return float(np.mean(np.asarray(spreads_px224)[list(ANATOMICAL)]))


def true_error_px224(points: Floats, truth: Floats, rows: int, columns: int) -> float:
    """Return the mean error of the fifteen landmarks; points (19, 2) or (15, 2), source pixels."""
    anatomical = list(ANATOMICAL)
    distance = np.linalg.norm(
        np.asarray(points)[anatomical] - np.asarray(truth)[anatomical], axis=1
    )
    return float(distance.mean() * ERROR_FRAME_PX / max(rows, columns))


def propagated_ict_sd(points: Floats, spreads: Floats) -> float:
    """Return the standard deviation of the index from its four callipers, taken as independent.

    ``points`` (19, 2) and ``spreads`` (19,) in one frame; first-order propagation.
    """
    heart = float(points[Landmark.HEART_LEFT, 0] - points[Landmark.HEART_RIGHT, 0])
    thorax = float(points[Landmark.THORAX_LEFT, 0] - points[Landmark.THORAX_RIGHT, 0])
    of_heart = math.hypot(spreads[Landmark.HEART_LEFT], spreads[Landmark.HEART_RIGHT])
    of_thorax = math.hypot(spreads[Landmark.THORAX_LEFT], spreads[Landmark.THORAX_RIGHT])
    width = max(abs(thorax), 1e-6)
    return math.hypot(of_heart, of_thorax * heart / width) / width


@dataclass(frozen=True, slots=True)
class Calibration:
    """Relation between a network's spreads and its errors, fitted on annotated radiographs.

    ``knots``: (mean spread, mean error) px of a 224 frame, ascending, interpolated between;
    ``upper_ratio``: upper 90 % bound over the expected error; ``ict_sd_factor``: observed over
    propagated standard deviation of the cardiothoracic index, None where it was not measured.
    """

    id: str
    knots: tuple[tuple[float, float], ...]
    upper_ratio: float
    ict_sd_factor: float | None = None

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Self:
        """Parse the calibration of a model card. Raises ValueError if invalid."""
        try:
            knots = tuple((float(score), float(error)) for score, error in table["knots"])
            factor = table.get("ict_sd_factor")
            calibration = cls(
                id=str(table["id"]),
                knots=knots,
                upper_ratio=float(table["upper_ratio"]),
                ict_sd_factor=None if factor is None else float(factor),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise ValueError(f"invalid calibration: {exc}") from exc
        if not knots or list(knots) != sorted(knots):
            raise ValueError("the knots of a calibration must ascend")
        return calibration

    def expected_error(self, score: float) -> float:
        """Return the expected mean error for a mean spread, px of a 224 frame."""
        scores, errors = zip(*self.knots, strict=True)
        inside = float(np.interp(score, scores, errors))
        # Beyond the last knot the error grows in proportion to the spread.
        return inside * max(1.0, score / float(scores[-1]))

    def upper_bound(self, expected_error: float) -> float:
        """Return the upper 90 % bound of the true error for an expected error."""
        return expected_error * self.upper_ratio

    def ict_sd(self, points: Floats, spreads: Floats) -> float | None:
        """Return the calibrated standard deviation of the index; None where it was not measured."""
        if self.ict_sd_factor is None:
            return None
        return propagated_ict_sd(points, spreads) * self.ict_sd_factor
