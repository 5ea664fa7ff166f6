"""Each evaluated radiograph: its errors, the expected ones, and its index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radiograph.calibration import Calibration
from radiograph.measures.quality import bucket
from radiograph.records import Bucket
from training.evaluate.predictions import Predictions, case_errors
from training.evaluate.reliability import measure_predictions, refusals
from training.samples import Samples
from training.shape import index_of


@dataclass(frozen=True, slots=True)
class Case:
    """One radiograph; ``position``: index among the samples. Unknown values are None.

    Errors are means over the fifteen landmarks, px of a 224 frame: ``error`` against the truth,
    ``expected`` without it, ``upper`` its upper 90 % bound; ``ict_low`` to ``ict_high``:
    95 % interval of the index.
    """

    position: int
    source: str
    split: str
    category: str
    name: str
    error: float | None
    bucket: Bucket
    expected: float | None
    upper: float | None
    expected_bucket: Bucket
    ict_true: float | None
    ict: float | None
    ict_low: float | None
    ict_high: float | None
    refused: bool

    @property
    def ict_difference(self) -> float | None:
        """Return the measured minus the true index."""
        return None if self.ict is None or self.ict_true is None else self.ict - self.ict_true

    @property
    def row(self) -> dict[str, Any]:
        """Return the case as a row of CSV."""
        values = asdict(self)
        del values["position"]
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in values.items()
        }


def list_cases(
    samples: Samples, predictions: Predictions, calibration: Calibration | None
) -> list[Case]:
    """Return the cases of samples, in their order."""
    errors = case_errors(samples, predictions)
    truth = index_of(samples.points.astype(np.float64))
    set_aside = refusals(samples, predictions)
    return [
        Case(
            position=i,
            source=str(samples.sources[i]),
            split=str(samples.splits[i]),
            category=str(samples.categories[i]),
            name=str(samples.names[i]),
            error=_known(errors[i]),
            bucket=bucket(_known(errors[i])),
            expected=measurement.expected_error_px224,
            upper=measurement.expected_error_high_px224,
            expected_bucket=measurement.bucket,
            ict_true=_known(truth[i]),
            ict=measurement.ict.value,
            ict_low=measurement.ict.low,
            ict_high=measurement.ict.high,
            refused=bool(set_aside[i]),
        )
        for i, measurement in enumerate(measure_predictions(samples, predictions, calibration))
    ]


def worst_landmarks(cases: Iterable[Case], count: int) -> list[Case]:
    """Return the cases with the largest landmark errors, the worst first."""
    known = [(case.error, case) for case in cases if case.error is not None]
    return [case for _, case in sorted(known, key=lambda pair: -pair[0])[:count]]


def worst_indices(cases: Iterable[Case], count: int) -> list[Case]:
    """Return the cases with the largest errors of the index, the worst first."""
    known = [(abs(case.ict_difference), case) for case in cases if case.ict_difference is not None]
    return [case for _, case in sorted(known, key=lambda pair: -pair[0])[:count]]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
