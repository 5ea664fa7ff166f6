"""CSV is safe to open in a spreadsheet: no text is a formula."""

from __future__ import annotations

import csv
import io

import pytest

from radiograph.csv_lines import CsvLines
from testbed.checkout import ROOT


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_a_formula_begins_with_an_apostrophe_in_csv(first: str) -> None:
    file = io.StringIO(newline="")
    lines = CsvLines(file, ["text", "number", "flag", "nothing"])
    lines.heading()
    text = f'{first}HYPERLINK("http://x")'
    lines.row({"text": text, "number": -0.5, "flag": False, "nothing": None})
    lines.row({"text": f"x{text}", "number": 1, "flag": True, "nothing": None})
    rows = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [row["text"] for row in rows] == [f"'{text}", f"x{text}"]
    assert [row["number"] for row in rows] == ["-0.5", "1"]
    assert [row["flag"] for row in rows] == ["false", "true"]
    assert [row["nothing"] for row in rows] == ["", ""]


def test_there_is_one_writer_of_csv() -> None:
    """Exception: the ground truth of phantoms, which has no text from outside."""
    folders = (
        *("cli", "thoraq", "worker", "training", "results"),
        *("scheduler", "db", "network", "radiograph"),
    )
    writers = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "csv.writer(" in (text := path.read_text(encoding="utf-8")) or "csv.DictWriter(" in text
    }
    assert writers == {"radiograph/csv_lines.py", "radiograph/phantom/archive.py"}


@pytest.mark.parametrize("text", ["one\rtwo", "\r", "one\r\ntwo", "a\r,b", "one\ntwo"])
def test_line_breaks_in_a_text_do_not_end_a_row(text: str) -> None:
    file = io.StringIO(newline="")
    lines = CsvLines(file, ["text", "number"])
    lines.heading()
    lines.row({"text": f"x{text}", "number": 1})
    [row] = csv.DictReader(io.StringIO(file.getvalue(), newline=""))
    assert row == {"text": f"x{text}", "number": "1"}
