"""Consistency of the predicted shape of a chest: its asymmetry and its lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.evaluate.intervals import Interval, bootstrap_interval, correlation
from training.evaluate.predictions import Floats, Predictions
from training.samples import Samples
from training.shape import LATERAL_PAIRS, LENGTH_PAIRS, asymmetry, pair_lengths


@dataclass(frozen=True, slots=True)
class PairFigures:
    """True values and errors of one pair, px of a 224 frame."""

    true_mean: float
    predicted_mean: float
    bias: float
    mean_absolute: float


@dataclass(frozen=True, slots=True)
class ConsistencyFigures:
    """Symmetry about the mid-line and lengths, over the cases that have the fifteen landmarks.

    Asymmetries are means over a case's five pairs, px of a 224 frame; a network biased
    towards symmetry predicts less than the true asymmetry. ``length_error``: mean absolute error
    of a pair's length, ``length_share`` as a share of the true length.
    """

    cases: int
    true_asymmetry: float
    true_asymmetry_p95: float
    predicted_asymmetry: float
    predicted_asymmetry_p95: float
    asymmetry_error: float
    asymmetry_correlation: float | None
    length_error: float
    length_share: float
    asymmetry_by_pair: dict[str, PairFigures]
    length_by_pair: dict[str, PairFigures]
    intervals: dict[str, Interval]


def consistency_figures(samples: Samples, predictions: Predictions) -> ConsistencyFigures:
    """Return figures over the samples with all fifteen landmarks; there must be at least one."""
    known = samples.has_landmarks()
    scale = samples.scale[known, None, None].astype(np.float64)
    truth, predicted = samples.points[known] * scale, predictions.points[known] * scale
    true_apart, predicted_apart = asymmetry(truth), asymmetry(predicted)
    true_lengths, predicted_lengths = pair_lengths(truth), pair_lengths(predicted)
    true_case, predicted_case = true_apart.mean(axis=1), predicted_apart.mean(axis=1)
    off = np.abs(predicted_case - true_case)
    lengths_off = np.abs(predicted_lengths - true_lengths)
    # Two annotated points may coincide; a length of 0 has no relative error.
    shares = lengths_off / np.maximum(true_lengths, 1.0)
    return ConsistencyFigures(
        cases=len(truth),
        true_asymmetry=float(true_case.mean()),
        true_asymmetry_p95=float(np.percentile(true_case, 95)),
        predicted_asymmetry=float(predicted_case.mean()),
        predicted_asymmetry_p95=float(np.percentile(predicted_case, 95)),
        asymmetry_error=float(off.mean()),
        asymmetry_correlation=correlation(true_case, predicted_case),
        length_error=float(lengths_off.mean()),
        length_share=float(shares.mean()),
        asymmetry_by_pair=_by_pair(LATERAL_PAIRS, true_apart, predicted_apart),
        length_by_pair=_by_pair(LENGTH_PAIRS, true_lengths, predicted_lengths),
        intervals={
            "true_asymmetry": bootstrap_interval(true_case),
            "predicted_asymmetry": bootstrap_interval(predicted_case),
            "asymmetry_error": bootstrap_interval(off),
            "length_error": bootstrap_interval(lengths_off.mean(axis=1)),
            "length_share": bootstrap_interval(shares.mean(axis=1)),
        },
    )


def _by_pair(
    pairs: tuple[tuple[int, int], ...], truth: Floats, predicted: Floats
) -> dict[str, PairFigures]:
    """Return the figures of each column of (N, 5) values."""
    return {
        f"L{first + 1} L{second + 1}": PairFigures(
            true_mean=float(truth[:, i].mean()),
            predicted_mean=float(predicted[:, i].mean()),
            bias=float((predicted - truth)[:, i].mean()),
            mean_absolute=float(np.abs(predicted - truth)[:, i].mean()),
        )
        for i, (first, second) in enumerate(pairs)
    }
