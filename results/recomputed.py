"""Results that were judged again, as rows."""

from __future__ import annotations

from db.derivation_records import Crossed
from results.rows import Row


def crossed_row(crossed: Crossed) -> Row:
    """Return the row of a radiograph that crossed its threshold."""
    return {
        "radiograph": crossed.radiograph_id,
        "path": crossed.path,
        "ict": crossed.ict,
        "ict_threshold_before": crossed.before.threshold,
        "ict_threshold": crossed.after.threshold,
        # what these two were called; leave in the next version
        "threshold_before": crossed.before.threshold,
        "threshold": crossed.after.threshold,
        "enlarged_before": crossed.before.enlarged,
        "enlarged": crossed.after.enlarged,
    }
