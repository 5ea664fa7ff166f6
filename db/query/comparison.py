"""Comparing two networks on the same radiographs: differences, and crossings of the ICT line."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from db.database import Database
from db.records import Crossing, ModelComparison
from db.tables import measurement, radiograph

_BEFORE = measurement.alias("before")
_AFTER = measurement.alias("after")


def compare_models(db: Database, before: str, after: str) -> ModelComparison:
    """Return a comparison of two networks' results on the radiographs that both measured.

    A radiograph crossed the line if both values were compared with a threshold and exactly one is
    above it.
    """
    change = _AFTER.c.ict - _BEFORE.c.ict
    sums = _both(before, after).with_only_columns(
        func.count().label("radiographs"),
        func.count(change).label("compared"),
        func.avg(change).label("mean"),
        func.avg(func.abs(change)).label("mean_absolute"),
        func.max(func.abs(change)).label("largest"),
    )
    crossed = (
        _both(before, after)
        .where(_AFTER.c.enlarged != _BEFORE.c.enlarged)
        .with_only_columns(
            radiograph.c.id,
            radiograph.c.path,
            _BEFORE.c.ict.label("ict_before"),
            _AFTER.c.ict.label("ict_after"),
            _AFTER.c.ict_threshold,
            _AFTER.c.enlarged,
        )
        .order_by(func.abs(change).desc(), radiograph.c.id)
    )
    with db.read() as connection:
        summed = connection.execute(sums).one()
        crossings = tuple(Crossing(*row) for row in connection.execute(crossed))
    return ModelComparison(
        radiographs=summed.radiographs,
        compared=summed.compared,
        mean_change=summed.mean,
        mean_absolute_change=summed.mean_absolute,
        largest_change=summed.largest,
        crossed=crossings,
    )


def _both(before: str, after: str) -> Select[tuple[int]]:
    return (
        select(_BEFORE.c.id)
        .join_from(_BEFORE, _AFTER, _AFTER.c.radiograph_id == _BEFORE.c.radiograph_id)
        .join(radiograph, radiograph.c.id == _BEFORE.c.radiograph_id)
        .where(_BEFORE.c.model_version == before, _AFTER.c.model_version == after)
    )
