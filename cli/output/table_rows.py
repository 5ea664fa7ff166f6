"""Rows for tables; JSON and CSV contain the stored values."""

from __future__ import annotations

from collections.abc import Mapping

from cli.output.codes import Code
from cli.output.decimals import decimals
from cli.output.printing import Row
from db.records import Result
from radiograph.errors import without_remedy
from results.columns import COLUMNS, plain


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
