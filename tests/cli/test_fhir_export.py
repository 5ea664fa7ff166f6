"""Exporting FHIR: an Observation per measurement, from either database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit
from db.database import Database
from db.query.results import find_results
from db.records import ResultFilter
from testbed.commands import Commands
from testbed.records import measure_all, seen, submit
from tests.cli.forked import run_forked


@pytest.fixture
def environment(database: Database, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Give the environment of commands on a batch of three results."""
    submit(database, [seen(number) for number in range(3)])
    measure_all(database)
    return Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": database_url}).environment


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "options"), [("all.ndjson", []), ("all.NDJSON", []), ("all.txt", ["--format", "fhir"])]
)
def test_each_measurement_is_an_observation_on_a_line(
    environment: dict[str, str], database: Database, tmp_path: Path, name: str, options: list[str]
) -> None:
    out = tmp_path / name
    ran = run_forked(["export", "--out", str(out), *options], environment)
    assert ran.returncode == Exit.OK, ran.stderr
    assert "3 measurements" in ran.stdout
    found = lines(out)
    results = list(find_results(database, ResultFilter()))
    assert [each["valueQuantity"]["value"] for each in found] == [
        pytest.approx(each.measurement.ict.value, abs=5e-5) for each in results
    ]
    assert {each["status"] for each in found} == {"preliminary"}
    assert {each["subject"]["identifier"]["value"] for each in found} == {"p-1"}


def test_it_takes_the_filters_and_the_order_of_results(
    environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "some.ndjson"
    words = ["export", "--out", str(out), "--where", "ict>0.9"]
    assert run_forked(words, environment).returncode == Exit.OK
    assert out.read_bytes() == b""
    words = ["export", "--out", str(out), "--overwrite", "--sort", "measurement:desc"]
    assert run_forked([*words, "--limit", "2"], environment).returncode == Exit.OK
    assert len(lines(out)) == 2


def test_an_observation_has_no_columns(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "some.ndjson"
    ran = run_forked(["export", "--out", str(out), "--columns", "ict"], environment)
    assert ran.returncode == Exit.USAGE
    assert "--columns" in ran.stderr
    assert not out.exists()


def test_paths_are_no_part_of_it(environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "all.ndjson"
    run_forked(["export", "--out", str(out)], environment)
    assert "/archive" not in out.read_text(encoding="utf-8")
