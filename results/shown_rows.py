"""Rows as people are shown them; JSON, CSV and Parquet hold what is stored."""

from __future__ import annotations

from collections.abc import Mapping

from db.records import Result
from radiograph.errors import without_remedy
from radiograph.measures import MEASURES, PARAGRAPHS
from results.codes import Code
from results.columns import COLUMNS, plain
from results.decimals import decimals
from results.rows import Row

#: What is shown of a measurement, a group a paragraph; what is absent is left out.
SHOWN = (
    ("radiograph", "path", "format", "rows", "columns", "study_uid", "patient_id", "study_date"),
    ("view", "age_years", "sex"),
    ("reading_note",),
    *(tuple(each.name for each in paragraph if each.in_show) for paragraph in PARAGRAPHS),
    ("model", "device", "precision", "worker", "duration_ms", "attempt", "measured_at"),
)
_RANGED = {each.name: each for each in MEASURES if each.normal is not None}


def shown_row(result: Result) -> Row:
    """Return every column of a result, rounded once: 0.39748 is 0.397, as on a picture."""
    return {
        each.name: plain(each.read(result), each.digits if decimals(each.name) is None else None)
        for each in COLUMNS
    }


def shown_ending(row: Row) -> Row:
    """Return the outcome of a file, its state in words."""
    return {**row, "state": str(row["state"]).replace("_", " ")}


def shown_failure(row: Row, codes: Mapping[str, Code]) -> Row:
    """Return a failure without the remedy of its code, which is printed below the table."""
    code = codes.get(str(row["code"]))
    detail = without_remedy(str(row["detail"] or ""), "" if code is None else code.sentence)
    return {**shown_ending(row), "detail": detail or None}


def normal_note(name: str, shown: str) -> str:
    """Return the note beside a value outside the normal range of its measure."""
    measure = _RANGED.get(name)
    if measure is None or measure.normal is None or float(shown) in measure.normal:
        return ""
    return f" (outside the normal range, {measure.normal.low:g} to {measure.normal.high:g})"
