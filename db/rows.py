"""Converting header, measurement and provenance to columns, and back."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

from db.database import AnyRow
from db.records import Provenance, Result
from radiograph.measures.values import measurement_of, values_of
from radiograph.records import HEADER_FIELDS, Header, Measurement, PixelSpacing

#: What `radiograph` holds in a column of the same name; a spacing takes three.
_SAME_NAME = tuple(name for name in HEADER_FIELDS if name != "spacing")
_SPACING = ("spacing_row_mm", "spacing_column_mm", "spacing_source")
#: The columns of `radiograph` that come from the file's header.
HEADER_COLUMNS = (*_SAME_NAME, *_SPACING)
_PROVENANCE = tuple(each.name for each in fields(Provenance))
_KEYS = {"model_version"}


def header_columns(header: Header) -> dict[str, object]:
    """Columns of ``radiograph`` that come from the file's header."""
    of = header.spacing
    spacing = (None, None, None) if of is None else (of.row_mm, of.column_mm, of.source)
    values = [*(getattr(header, name) for name in _SAME_NAME), *spacing]
    return dict(zip(HEADER_COLUMNS, values, strict=True))


def measurement_columns(measured: Measurement, by: Provenance) -> dict[str, object]:
    """Return the columns of ``measurement`` except its keys and its time."""
    return {
        "points": [[float(x), float(y)] for x, y in measured.points],
        "spreads": [float(spread) for spread in measured.spreads],
        **values_of(measured),
        **{name: getattr(by, name) for name in _PROVENANCE if name not in _KEYS},
    }


def result_of(row: AnyRow) -> Result:
    """Return the result of a joined row, with the measurement's id as ``measurement_id``."""
    return Result(
        measurement_id=row.measurement_id,
        radiograph_id=row.radiograph_id,
        path=row.path,
        sha256=row.sha256,
        pixel_digest=row.pixel_digest,
        header=header_of(row),
        measurement=measurement_of(row.points, row.spreads, partial(getattr, row)),
        provenance=Provenance(*(getattr(row, name) for name in _PROVENANCE)),
        measured_at=row.measured_at,
        content_digest=row.content_digest,
    )


def header_of(row: AnyRow) -> Header:
    """Return the header from the columns of ``radiograph``."""
    spacing = None
    if row.spacing_source is not None:
        spacing = PixelSpacing(*(getattr(row, name) for name in _SPACING))
    same = {name: getattr(row, name) for name in _SAME_NAME}
    # A file that was not read has no size.
    return Header(**same | {"rows": row.rows or 0, "columns": row.columns or 0, "spacing": spacing})
