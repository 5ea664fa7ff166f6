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
from testbed.checkout import ROOT
from tests.cli.processed import Processed

FENCE = re.compile(r"^```sql (sqlite|postgresql) (\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = ROOT / "docs" / "results.md"
EXAMPLES = {
    (database, name): statement
    for database, name, statement in FENCE.findall(PAGE.read_text(encoding="utf-8"))
}
NAMES = sorted({name for _, name in EXAMPLES})


@pytest.fixture
def moved(processed: Processed, postgres_url: str) -> str:
    """Return a PostgreSQL database with the results of the archive."""
    source = Database.open(f"sqlite:///{processed.commands.state / 'thoraq.db'}")
    there = Database.open(postgres_url)
    with source.read() as reading, there.write() as writing:
        writing.execute(tables.model.delete())
        for table in (tables.model, tables.radiograph, tables.measurement):
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


def test_every_example_is_there_for_both_databases() -> None:
    assert set(EXAMPLES) == {(each, name) for each in ("sqlite", "postgresql") for name in NAMES}
    assert len(NAMES) > 1


@pytest.mark.parametrize("name", NAMES)
def test_every_sql_example_gives_the_same_on_both_databases(
    processed: Processed, moved: str, name: str
) -> None:
    columns, rows = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES["sqlite", name])
    assert rows
    there, moved_rows = on_postgresql(moved, EXAMPLES["postgresql", name])
    assert there == columns
    assert [
        [float(cell) if not isinstance(cell, str) else cell for cell in row] for row in moved_rows
    ] == [[float(cell) if not isinstance(cell, str) else cell for cell in row] for row in rows]


def test_points_in_sql_equal_those_of_the_commands(processed: Processed) -> None:
    columns, rows = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES["sqlite", "widths"])
    listed = processed.commands.json("results", "--sort", "ict:desc", "--limit", "5")
    assert columns[2:] == ["heart_right_x", "heart_left_x", "thorax_right_x", "thorax_left_x"]
    for row, result in zip(rows, listed, strict=True):
        assert row[0] == result["path"]
        assert row[2:] == pytest.approx([result[column] for column in columns[2:]], abs=0.01)
    _, points = on_sqlite(processed.commands.state / "thoraq.db", EXAMPLES["sqlite", "points"])
    by_id = {each["radiograph"]: each for each in processed.commands.json("results")}
    assert len(points) == 4 * len(by_id)
    for radiograph, name, x, y in points:
        told = by_id[radiograph]
        assert (x, y) == pytest.approx((told[f"{name}_x"], told[f"{name}_y"]), abs=0.01)
