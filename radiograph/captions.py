"""What is written beside a drawing: the index, what it is compared with, and how good it is."""

from __future__ import annotations

from radiograph.records import ERROR_FRAME_PX, Bucket, Ict, IctRule, Measurement

RULES: dict[IctRule, str] = {
    IctRule.ADULT_PA: "adult PA",
    IctRule.INFANT_PA: "infant PA",
    IctRule.NEWBORN_PA: "newborn PA",
    IctRule.NONE_AP: "No threshold: AP magnifies the heart",
    IctRule.NONE_VIEW_UNKNOWN: "No threshold: view unknown",
    IctRule.NONE_AGE_UNKNOWN: "No threshold: age unknown",
    IctRule.NONE_CHILD: "No threshold for this age",
    IctRule.NONE_INVALID: "No threshold: the index is not plausible",
}


def index_text(ict: Ict) -> str:
    """Return the index and its 95 % interval as text."""
    if ict.value is None:
        return "ICT not measured"
    value = f"ICT {ict.value:.3f}"
    if ict.low is None or ict.high is None:
        return value
    return f"{value} ({ict.low:.3f} to {ict.high:.3f} at 95 %)"


def rule_text(ict: Ict) -> str:
    """Return the threshold and whether the index exceeds it, or why there is no threshold."""
    if ict.threshold is None or ict.enlarged is None:
        return RULES[ict.rule]
    verdict = "Enlarged" if ict.enlarged else "Not enlarged"
    return f"{verdict}: the {RULES[ict.rule]} threshold is {ict.threshold:.3f}"


def quality_text(measurement: Measurement) -> str:
    """Return the bucket, its basis and the expected error as text."""
    name = measurement.bucket.value.replace("_", " ").capitalize()
    if measurement.bucket is Bucket.UNRATED:
        return f"{name}: the network has no calibration"
    name = f"{name} ({measurement.bucket_basis.value})"
    error, high = measurement.expected_error_px224, measurement.expected_error_high_px224
    if error is None:
        return name
    bound = "" if high is None else f", 90 % under {high:.1f}"
    return f"{name}: expected error {error:.1f} px of a {ERROR_FRAME_PX} frame{bound}"
