"""Output of rows on the terminal."""

from __future__ import annotations

import csv
import io
import json

import pytest

from cli.output.printing import Form, Row, print_rows, printable

ROWS: list[Row] = [
    {"path": "a, b.png", "ict": 0.5, "enlarged": False, "view": None},
    {"path": "c\nd.png", "ict": 0.51, "enlarged": True, "view": "PA"},
]


def test_json_contains_every_column_with_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(iter(ROWS), Form.JSON, ("ict",))
    assert json.loads(capsys.readouterr().out) == ROWS


def test_no_rows_are_an_empty_json_array(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], Form.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_csv_quotes_where_needed_and_leaves_none_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(iter(ROWS), Form.CSV, ("ict",))
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["path"] for row in read] == ["a, b.png", "c\nd.png"]
    assert read[0]["view"] == ""
    assert [row["enlarged"] for row in read] == ["false", "true"]


def test_a_table_shows_its_columns_with_numbers_at_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(ROWS, Form.TABLE, ("ict", "enlarged", "path"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "  ict  enlarged  path",
        "0.500  no        a, b.png",
        "0.510  yes       c\\nd.png",
    ]


def test_a_file_name_cannot_control_the_terminal() -> None:
    assert printable("x\x1b[2J.png") == "x\\x1b[2J.png"
    assert printable("caf\xe9.png") == "caf\xe9.png"
    assert printable("bad\udcff.png").isascii()
