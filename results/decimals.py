"""The decimals of each column in tables; JSON, CSV and Parquet contain the stored values.

The index is accurate to two or three decimals; the third separates values near a threshold.
"""

from __future__ import annotations

from radiograph.measures import MEASURES

_DECIMALS = {each.name: each.shown_decimals for each in MEASURES}
# The index in lists of models and comparisons.
_DECIMALS |= dict.fromkeys(("ict_error", "ict_before", "ict_after"), _DECIMALS["ict"])
_DECIMALS |= {"duration_ms": 1}


def decimals(column: str) -> int | None:
    """Return the decimals of a column; None if its values are shown unrounded."""
    return 2 if column.endswith("_px224") else _DECIMALS.get(column)
