"""The errors stated in a network's card, as values of a row."""

from __future__ import annotations

from collections.abc import Mapping

from network.figures import figures, pooled
from results.rows import Row


def figures_row(card: Mapping[str, object]) -> Row:
    """Return the errors stated in a card, over all test cases."""
    landmarks = pooled(figures(card, "landmarks"))
    index = pooled(figures(card, "ict"))
    return {
        "landmark_cases": None if landmarks is None else landmarks.cases,
        "landmark_error_px224": None if landmarks is None else round(landmarks.mean, 2),
        "ict_cases": None if index is None else index.cases,
        "ict_error": None if index is None else index.mean,
    }
