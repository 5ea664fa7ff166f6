"""Made findings of a radiograph whose header is given, for objects to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from pydicom.dataset import Dataset

from radiograph.landmarks import Landmark
from radiograph.measures.values import of_points
from radiograph.reading.dicom_header import dicom_header
from radiograph.records import Header, Measurement
from results.objects.findings import Findings, Prior
from testbed.records import measurement

#: Nineteen points on an upright chest, as shares of width and height.
_CHEST = {
    Landmark.L1_MIDLINE_APEX: (0.50, 0.10),
    Landmark.L2_MIDLINE_COSTOPHRENIC: (0.51, 0.80),
    Landmark.L3_LUNG_RIGHT_UPPER: (0.24, 0.28),
    Landmark.L4_LUNG_LEFT_UPPER: (0.77, 0.28),
    Landmark.L5_LUNG_RIGHT_MIDDLE: (0.19, 0.45),
    Landmark.L6_LUNG_LEFT_MIDDLE: (0.82, 0.45),
    Landmark.L7_LUNG_RIGHT_LOWER: (0.16, 0.63),
    Landmark.L8_LUNG_LEFT_LOWER: (0.85, 0.63),
    Landmark.L9_MIDLINE_UPPER: (0.5025, 0.275),
    Landmark.L10_MIDLINE_MIDDLE: (0.505, 0.45),
    Landmark.L11_MIDLINE_LOWER: (0.5075, 0.625),
    Landmark.L12_APEX_RIGHT: (0.36, 0.10),
    Landmark.L13_APEX_LEFT: (0.64, 0.10),
    Landmark.L14_COSTOPHRENIC_RIGHT: (0.14, 0.80),
    Landmark.L15_COSTOPHRENIC_LEFT: (0.87, 0.80),
    Landmark.HEART_RIGHT: (0.40, 0.60),
    Landmark.HEART_LEFT: (0.72, 0.68),
    Landmark.THORAX_RIGHT: (0.15, 0.70),
    Landmark.THORAX_LEFT: (0.86, 0.72),
}
MEASURED_AT = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
PRIOR = Prior(0.45, date(2020, 1, 2), difference=0.031, limit=0.052, beyond=False)


def chest(header: Header) -> Measurement:
    """Return a measurement whose points are on the image of a header."""
    points = tuple(
        (x * header.columns, y * header.rows) for x, y in (_CHEST[each] for each in Landmark)
    )
    made = measurement()
    heart, thorax = 0.32 * header.columns, 0.71 * header.columns
    mm = None if header.spacing is None else header.spacing.column_mm
    ict = replace(
        made.ict,
        value=heart / thorax,
        low=heart / thorax - 0.02,
        high=heart / thorax + 0.02,
        heart_width_px=heart,
        thorax_width_px=thorax,
        heart_width_mm=None if mm is None else heart * mm,
        thorax_width_mm=None if mm is None else thorax * mm,
    )
    return replace(made, points=points, ict=ict, values=of_points(points, header))


def findings(source: Dataset | Header, **changed: Any) -> Findings:
    """Return what is said of a radiograph with this header."""
    header = source if isinstance(source, Header) else dicom_header(source, None)
    said: dict[str, Any] = {
        "sha256": "a" * 64,
        "header": header,
        "measurement": chest(header),
        "model_version": "thoraq-2",
        "weights_digest": "d" * 64,
        "code_version": "0.2.0",
        "measured_at": MEASURED_AT,
        "prior": PRIOR,
    }
    return Findings(**(said | changed))
