"""How many decimals of a column are shown to people; JSON, CSV and Parquet hold what is stored.

The index is good for two to three: the third keeps apart what is on either side of a threshold.
"""

from __future__ import annotations

from radiograph.measures import MEASURES

_DECIMALS = {each.name: each.shown_decimals for each in MEASURES}
# Figures of the index that are of models and of comparisons.
_DECIMALS |= dict.fromkeys(("ict_error", "ict_before", "ict_after"), _DECIMALS["ict"])
_DECIMALS |= {"duration_ms": 1}


def decimals(column: str) -> int | None:
    """Return the decimals of a column; None where its values are shown as they are."""
    return 2 if column.endswith("_px224") else _DECIMALS.get(column)
