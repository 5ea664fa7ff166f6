"""How many decimals a person is shown of a column; JSON, CSV and Parquet hold what is stored.

The index is good for two to three: the third keeps apart what is on either side of a threshold.
"""

from __future__ import annotations

_DECIMALS = {
    **dict.fromkeys(("ict", "ict_sd", "ict_low", "ict_high", "ict_threshold", "ict_error"), 3),
    **dict.fromkeys(("ict_before", "ict_after"), 3),
    **dict.fromkeys(("heart_width_px", "thorax_width_px", "heart_width_mm", "thorax_width_mm"), 1),
    "frontal_probability": 3,
    "duration_ms": 1,
}


def decimals(column: str) -> int | None:
    """Return the decimals of a column; None where its values are shown as they are."""
    return 2 if column.endswith("_px224") else _DECIMALS.get(column)
