"""Listing, showing and exporting results."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from cli.exits import Exit
from radiograph.records import HEADER_FIELDS
from results.columns import COLUMNS
from tests.cli.processed import Processed

NAMES = [column.name for column in COLUMNS]


def test_json_holds_every_column_of_every_result(processed: Processed) -> None:
    found = processed.commands.json("results")
    assert found
    assert [list(row) for row in found] == [NAMES] * len(found)
    first = found[0]
    assert 0 < first["ict"] < 1
    assert first["heart_width_px"] < first["thorax_width_px"] <= first["columns"]
    assert first["measured_at"].endswith("+00:00")
    assert first["device"].startswith(("cpu", "cuda"))


def test_csv_and_json_have_the_same_content(processed: Processed) -> None:
    ran = processed.commands.run("results", "--csv", "--limit", "3")
    read = list(csv.DictReader(io.StringIO(ran.stdout)))
    whole = processed.commands.json("results", "--limit", "3")
    assert [float(row["ict"]) for row in read] == [row["ict"] for row in whole]
    assert list(read[0]) == NAMES


def test_filters_choose(processed: Processed) -> None:
    whole = processed.commands.json("results")
    middle = len(whole) // 2
    # Between two values, since printed values are rounded.
    line = sum(sorted(row["ict"] for row in whole)[middle : middle + 2]) / 2
    above = processed.commands.json("results", "--ict-above", str(line))
    below = processed.commands.json("results", "--ict-below", str(line))
    assert {r["radiograph"] for r in above} == {r["radiograph"] for r in whole if r["ict"] > line}
    assert len(above) + len(below) in {len(whole), len(whole) - 1}
    enlarged = processed.commands.json("results", "--enlarged")
    assert {r["radiograph"] for r in enlarged} == {r["radiograph"] for r in whole if r["enlarged"]}
    assert processed.commands.json("results", "--since", "2999-01-01") == []


def test_a_patient_is_found_by_a_hashed_id(processed: Processed) -> None:
    from pydicom import dcmread  # noqa: PLC0415 - for the ground truth only

    named = [row for row in processed.commands.json("results") if row["patient_id"]]
    number = str(dcmread(named[0]["path"], stop_before_pixels=True).PatientID)
    assert number != named[0]["patient_id"]
    found = processed.commands.json("results", "--patient", number)
    assert named[0]["radiograph"] in [row["radiograph"] for row in found]
    assert {row["patient_id"] for row in found} == {named[0]["patient_id"]}


def test_show_draws_on_the_radiograph(processed: Processed, tmp_path: Path) -> None:
    row = processed.commands.json("results", "--limit", "1")[0]
    out = tmp_path / "overlay.png"
    ran = processed.commands.run("show", str(row["radiograph"]), "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert f"{row['ict']:.3f}" in ran.stdout
    with Image.open(out) as picture:
        assert picture.mode == "RGB"
        red, green, _ = picture.split()
        assert red.tobytes() != green.tobytes(), "nothing is drawn on the grey film"


def test_show_by_path_states_why_a_file_was_not_measured(processed: Processed) -> None:
    ledger = processed.commands.json("status")[0]
    [report] = (processed.commands.state / "reports").glob(f"{ledger['batch']}/failures.csv")
    with report.open(encoding="utf-8", newline="") as file:
        failed = next(row for row in csv.DictReader(file) if row["state"] == "failed")
    shown = processed.commands.json("show", failed["path"])
    assert shown["measurements"] == []
    assert shown["files"][0]["code"] == failed["code"]


@pytest.mark.parametrize("command", [("results",), ("export", "--out", "results.csv")])
def test_a_missing_network_is_not_found(
    processed: Processed, tmp_path: Path, command: tuple[str, ...]
) -> None:
    words = [str(tmp_path / each) if each.endswith(".csv") else each for each in command]
    ran = processed.commands.run(*words, "--model", "nobodys")
    assert (ran.returncode, "[model-unknown]" in ran.stderr) == (Exit.NOT_FOUND, True), ran.stderr
    assert not (tmp_path / "results.csv").exists()


def test_a_missing_study_is_not_found(processed: Processed) -> None:
    assert processed.commands.run("show", "1.2.3.4").returncode == Exit.NOT_FOUND


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_export_contains_every_result(processed: Processed, tmp_path: Path, form: str) -> None:
    whole = processed.commands.json("results")
    out = tmp_path / f"results.{form}"
    ran = processed.commands.run("export", "--out", out)
    assert ran.returncode == 0, ran.stderr
    if form == "parquet":
        table = pq.read_table(out)
        assert table.column_names == NAMES
        assert table["ict"].to_pylist() == [row["ict"] for row in whole]
        assert str(table.schema.field("study_date").type) == "date32[day]"
    elif form == "json":
        assert json.loads(out.read_text(encoding="utf-8")) == whole
    else:
        with out.open(encoding="utf-8", newline="") as file:
            assert [row["sha256"] for row in csv.DictReader(file)] == [r["sha256"] for r in whole]
    assert list(tmp_path.iterdir()) == [out]


def test_an_export_without_a_known_suffix_needs_a_format(
    processed: Processed, tmp_path: Path
) -> None:
    ran = processed.commands.run("export", "--out", tmp_path / "results.xls")
    assert ran.returncode == Exit.USAGE
    assert "--format" in ran.stderr


def test_the_dictionary_explains_every_column(processed: Processed) -> None:
    said = processed.commands.run("export", "--dictionary").stdout.splitlines()
    assert [line.split()[0] for line in said[1:]] == NAMES
    assert all(column.meaning for column in COLUMNS)


def test_every_field_of_the_header_is_a_column() -> None:
    assert set(HEADER_FIELDS) - {"spacing"} <= set(NAMES)


def test_the_network_that_measured_is_listed_and_served(processed: Processed) -> None:
    [model] = processed.commands.json("models", "list")
    assert model["served"] is True
    measured = processed.commands.json("results", "--limit", "1")[0]
    assert (model["version"], model["weights_digest"]) == (
        measured["model"],
        measured["weights_digest"],
    )
