"""The quality bucket of a study, and its expected error in px of a 224 frame."""

from __future__ import annotations

from radiograph.measures.declaration import Measure
from radiograph.records import Bucket, BucketBasis

#: Lower bounds of the buckets, in px of a 224 frame; from the work that thoraq is based on.
VERY_GOOD_FROM, GOOD_FROM, REVIEW_FROM = 5.0, 8.5, 15.0

#: The range of each bucket as text.
RANGES = {
    Bucket.EXCELLENT: f"< {VERY_GOOD_FROM:g}",
    Bucket.VERY_GOOD: f"< {GOOD_FROM:g}",
    Bucket.GOOD: f"< {REVIEW_FROM:g}",
    Bucket.REVIEW: f">= {REVIEW_FROM:g}",
}


def bucket(error_px224: float | None) -> Bucket:
    """Return the bucket of a mean landmark error; None is unrated."""
    if error_px224 is None:
        return Bucket.UNRATED
    if error_px224 < VERY_GOOD_FROM:
        return Bucket.EXCELLENT
    if error_px224 < GOOD_FROM:
        return Bucket.VERY_GOOD
    return Bucket.GOOD if error_px224 < REVIEW_FROM else Bucket.REVIEW


MEASURES = (
    Measure(
        "bucket",
        ", ".join(f"{name} {span}" for name, span in RANGES.items())
        + " px of a 224 frame; or unrated",
        holds=Bucket,
        field="bucket",
        derived=True,
        required=True,
    ),
    Measure(
        "bucket_basis",
        "expected: from the calibration; true: from an annotation",
        holds=BucketBasis,
        field="bucket_basis",
        required=True,
    ),
    Measure(
        "expected_error_px224",
        "expected mean landmark error in px of a 224 frame",
        "pixels of a 224 frame",
        decimals=2,
        shown_decimals=2,
        field="expected_error_px224",
    ),
    Measure(
        "expected_error_high_px224",
        "its upper 90 % bound",
        "pixels of a 224 frame",
        decimals=2,
        shown_decimals=2,
        field="expected_error_high_px224",
    ),
    Measure(
        "frontal_probability",
        "predicted probability of an upright frontal chest",
        decimals=4,
        shown_decimals=3,
        field="frontal_probability",
        in_show=False,
    ),
)
