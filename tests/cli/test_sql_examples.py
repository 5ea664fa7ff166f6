"""The SQL of the documentation, run on both databases with the same results."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import tables
from db.database import Database
from migrations.views import VIEWS
from testbed.checkout import ROOT
from tests.cli.processed import Processed

#: ``both`` names a statement that either database runs as it is.
FENCE = re.compile(r"^```sql both (\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = ROOT / "docs" / "results.md"
EXAMPLES: dict[str, str] = dict(FENCE.findall(PAGE.read_text(encoding="utf-8")))
#: What the views read, and what that needs.
COPIED = (
    *(tables.model, tables.batch, tables.chunk, tables.radiograph, tables.job),
    *(tables.measurement, tables.file),
)


@pytest.fixture
def moved(processed: Processed, postgres_url: str) -> str:
    """Return a PostgreSQL database with the results of the archive."""
    source = Database.open(f"sqlite:///{processed.commands.state / 'thoraq.db'}")
    there = Database.open(postgres_url)
    with source.read() as reading, there.write() as writing:
        writing.execute(tables.model.delete())
        for table in COPIED:
            rows = [dict(row) for row in reading.execute(table.select()).mappings()]
            writing.execute(table.insert(), rows)
    source.dispose()
    there.dispose()
    return postgres_url


def on_sqlite(file: Path, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a statement; return its column names and rows."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        ran = connection.execute(statement)
        return [each[0] for each in ran.description], ran.fetchall()


def on_postgresql(url: str, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a statement; return its column names and rows."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        ran = connection.execute(statement.encode())
        return [each.name for each in ran.description or ()], ran.fetchall()


def plain(cell: Any) -> str | float:
    """Return a text as it is, and any number as a float."""
    return cell if isinstance(cell, str) else float(cell)


def test_the_page_has_examples_of_every_view() -> None:
    asked = " ".join(EXAMPLES.values())
    assert all(re.search(rf"(FROM|JOIN) {view}\b", asked) for view in VIEWS)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_sql_example_gives_the_same_on_both_databases(
    processed: Processed, moved: str, name: str
) -> None:
    columns, rows = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES[name])
    assert rows
    there, moved_rows = on_postgresql(moved, EXAMPLES[name])
    assert there == columns
    for one, other in zip(moved_rows, rows, strict=True):
        assert [plain(cell) for cell in one] == pytest.approx([plain(cell) for cell in other])


def test_points_in_sql_equal_those_of_the_commands(processed: Processed) -> None:
    columns, rows = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES["widths"])
    chosen = ("--where", "bucket!=review", "--sort", "ict:desc", "--limit", "5")
    listed = processed.commands.json("results", *chosen)
    assert [round(row[1], 4) for row in rows] == [result["ict"] for result in listed]
    assert columns[2:] == ["heart_right_x", "heart_left_x", "thorax_right_x", "thorax_left_x"]
    for row, result in zip(rows, listed, strict=True):
        assert row[0] == result["path"]
        assert row[2:] == pytest.approx([result[column] for column in columns[2:]], abs=0.01)
    _, points = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES["points"])
    by_id = {each["radiograph"]: each for each in processed.commands.json("results")}
    assert len(points) == 4 * len(by_id)
    for radiograph, name, x, y in points:
        told = by_id[radiograph]
        assert (x, y) == pytest.approx((told[f"{name}_x"], told[f"{name}_y"]), abs=0.01)
