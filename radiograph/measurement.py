"""Measurement of one radiograph from its predicted points."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from radiograph.calibration import Calibration, uncertainty_score
from radiograph.measures.ict import measure_ict
from radiograph.measures.quality import bucket
from radiograph.measures.values import of_points
from radiograph.records import (
    ERROR_FRAME_PX,
    BucketBasis,
    Header,
    IctThresholds,
    Measurement,
)

Floats = npt.NDArray[np.float64]


def measure(
    points: Floats,
    spreads: Floats,
    *,
    to_source: Floats,
    header: Header,
    frontal_probability: float | None,
    calibration: Calibration | None,
    thresholds: IctThresholds,
) -> Measurement:
    """Return the measurement of one radiograph; its points are in pixels of the file.

    ``points`` (19, 2) and ``spreads`` (19,) in upright pixels, ordered as ``Landmark``;
    ``to_source`` (2, 3) affine from upright to file pixels.
    """
    spreads_px224 = spreads_in_error_frame(spreads, to_source, header)
    ict_sd = expected = upper = None
    if calibration is not None:
        ict_sd = calibration.ict_sd(points, spreads)
        expected = calibration.expected_error(uncertainty_score(spreads_px224))
        upper = calibration.upper_bound(expected)
    # The patient's transverse axis in the file: along its columns, or its rows if rotated.
    transverse = to_source[:, 0]
    in_file = tuple((x, y) for x, y in to_file(points, to_source).tolist())
    return Measurement(
        points=in_file,
        spreads=tuple(spreads_px224.tolist()),
        ict=measure_ict(
            points,
            source_px=_source_px(to_source),
            mm_per_source_px=_spacing_along(transverse, header),
            header=header,
            thresholds=thresholds,
            sd=ict_sd,
        ),
        expected_error_px224=expected,
        expected_error_high_px224=upper,
        bucket=bucket(expected),
        bucket_basis=BucketBasis.EXPECTED,
        frontal_probability=frontal_probability,
        values=of_points(in_file, header),
    )


def to_file(points: Floats, to_source: Floats) -> Floats:
    """Return (N, 2) upright points in pixels of the file."""
    return np.asarray(points @ to_source[:, :2].T + to_source[:, 2])


def spreads_in_error_frame(spreads: Floats, to_source: Floats, header: Header) -> Floats:
    """Return spreads in upright pixels as px of a 224 frame around the radiograph."""
    longer_side_px = max(header.rows, header.columns)
    return np.asarray(spreads * (_source_px(to_source) * ERROR_FRAME_PX / longer_side_px))


def _source_px(to_source: Floats) -> float:
    """Return the width of an upright pixel in pixels of the file."""
    return math.hypot(*to_source[:, 0].tolist())


def _spacing_along(transverse: Floats, header: Header) -> float | None:
    if header.spacing is None:
        return None
    along_columns = abs(transverse[0]) >= abs(transverse[1])
    return header.spacing.column_mm if along_columns else header.spacing.row_mm
