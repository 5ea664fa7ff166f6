"""Networks as rows: those that are registered, and two compared on the same radiographs."""

from __future__ import annotations

from db.records import Crossing, ModelComparison, ModelRecord
from results.columns import plain
from results.network_figures import figures_row
from results.rows import Row

#: Every column of the list of networks.
COLUMNS = (
    "model",
    "version",  # what "model" was called; leaves in the next version
    "served",
    "parent",
    "landmark_cases",
    "landmark_error_px224",
    "ict_cases",
    "ict_error",
    "weights_digest",
    "registered_at",
)
#: Every column of the list of radiographs that crossed their threshold.
CROSSING_COLUMNS = (
    "radiograph",
    "ict_before",
    "ict_after",
    "ict_threshold",
    "enlarged",
    "path",
)


def model_row(model: ModelRecord) -> Row:
    """Return the row of a network."""
    return {
        "model": model.version,
        "version": model.version,  # former name of "model"; removed in the next version
        "served": model.served,
        "parent": plain(model.card.get("parent")),
        **figures_row(model.card),
        "weights_digest": model.weights_digest,
        "registered_at": plain(model.registered_at),
    }


def crossing_row(crossing: Crossing, digits: int | None) -> Row:
    """Return the row of a radiograph that crossed its threshold, its index in ``digits``."""
    return {
        "radiograph": crossing.radiograph_id,
        "ict_before": plain(crossing.ict_before, digits),
        "ict_after": plain(crossing.ict_after, digits),
        "ict_threshold": crossing.threshold,
        "enlarged": crossing.enlarged,
        "path": crossing.path,
    }


def comparison_row(found: ModelComparison) -> Row:
    """Return the figures of the comparison."""
    return {
        "radiographs": found.radiographs,
        "compared": found.compared,
        "mean_change": plain(found.mean_change, 4),
        "mean_absolute_change": plain(found.mean_absolute_change, 4),
        "largest_change": plain(found.largest_change, 4),
    }
