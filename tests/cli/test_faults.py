"""Files once read wrongly, through the real command: reading, network, database."""

from __future__ import annotations

import csv
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiograph.landmarks import Landmark
from radiograph.records import IctRule, ReadingNote
from testbed.checkout import ROOT
from testbed.commands import Commands

FAULTS = (ROOT.parent / "shared" / "data" / "faults").resolve()
#: Tolerances of the mean landmark error, px of a 224 frame, and of the ICT.
LANDMARK_PX, ICT = 0.15, 0.001
#: All files contain the same chest, except these.
OTHER_CHEST = {"rgb16_p10.png", "tu32_bright.tif", "ref_bright_t16.tif", "ref_t16.tif"}
REFERENCES = ("01-j2k-sign-by-header-bits/ref.dcm", "11-tiff-unsigned-32/ref_bright_t16.tif")
NOTES = {
    "01-j2k-sign-by-header-bits/j2k_u12_hdr16_PR1.dcm": ReadingNote.BITS_CONTRADICT_PIXELS,
    "01-j2k-sign-by-header-bits/j2k_u14_hdr16_PR1.dcm": ReadingNote.BITS_CONTRADICT_PIXELS,
    **dict.fromkeys(
        (
            f"06-syntax-contradicts-pixels/{name}.dcm"
            for name in ("nometa_jls", "ts_jls_data_j2k", "ts_jls_data_native", "ts_jpeg_data_j2k")
        ),
        ReadingNote.SYNTAX_CONTRADICTS_PIXELS,
    ),
    "07-byte-order-guess/meta_BE_data_LE.dcm": ReadingNote.SYNTAX_CONTRADICTS_ELEMENTS,
    "07-byte-order-guess/meta_LE_data_BE.dcm": ReadingNote.SYNTAX_CONTRADICTS_ELEMENTS,
    "16-wrong-offset-table/sf_bot8_wrong.dcm": ReadingNote.OFFSETS_CONTRADICT_FRAGMENTS,
    "17-mono2-inverse/m2_inverse.dcm": ReadingNote.INVERSE_CONTRADICTS_PHOTOMETRIC,
    "18-age-000D/age_000D_birth.dcm": ReadingNote.AGE_CONTRADICTS_BIRTH_DATE,
}

pytestmark = pytest.mark.skipif(
    not FAULTS.is_dir(), reason="the files of ../shared/data/faults are not on this machine"
)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Return the commands on the results of a copy of the folder."""
    folder = tmp_path_factory.mktemp("faults")
    shutil.copytree(FAULTS, folder / "faults")
    commands = Commands(folder / "state")
    ran = commands.run("process", folder / "faults", "--batch", "faults")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return commands


@pytest.fixture(scope="module")
def results(commands: Commands) -> dict[str, dict[str, Any]]:
    """Return the results by file name, duplicates included."""
    found = {row["sha256"]: row for row in commands.json("results")}
    return {
        path.relative_to(FAULTS).as_posix(): found[digest]
        for path in sorted(FAULTS.rglob("*"))
        if path.is_file() and path.suffix != ".md" and (digest := _digest(path)) in found
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _points(row: dict[str, Any]) -> np.ndarray:
    scale = 224 / max(row["rows"], row["columns"])
    names = [point.name.lower() for point in Landmark]
    return np.array([[row[f"{name}_x"], row[f"{name}_y"]] for name in names]) * scale


def test_every_file_gives_the_landmarks_and_the_index_of_its_reference(
    results: dict[str, dict[str, Any]],
) -> None:
    files = {
        path.relative_to(FAULTS).as_posix()
        for path in FAULTS.rglob("*")
        if path.is_file() and path.suffix != ".md"
    }
    assert set(results) == files
    wrong = {}
    for name, row in results.items():
        reference = results[REFERENCES[Path(name).name in OTHER_CHEST]]
        off = np.linalg.norm(_points(row) - _points(reference), axis=1).mean()
        if off > LANDMARK_PX or abs(row["ict"] - reference["ict"]) > ICT:
            wrong[name] = (round(float(off), 3), row["ict"])
    assert wrong == {}
    assert results[REFERENCES[0]]["ict"] == pytest.approx(0.5365, abs=ICT)
    assert results[REFERENCES[1]]["ict"] == pytest.approx(0.4958, abs=ICT)


def test_a_file_read_against_its_header_has_a_note(results: dict[str, dict[str, Any]]) -> None:
    assert {
        name: row["reading_note"] for name, row in results.items() if row["reading_note"]
    } == NOTES


def test_contradictory_ages_do_not_apply_the_threshold_of_newborns(
    results: dict[str, dict[str, Any]],
) -> None:
    row = results["18-age-000D/age_000D_birth.dcm"]
    assert row["age_years"] is None
    assert row["ict_rule"] != IctRule.NEWBORN_PA


def test_a_formula_of_a_header_is_a_text_in_csv_and_itself_in_json(
    results: dict[str, dict[str, Any]], commands: Commands, tmp_path: Path
) -> None:
    formula = results["24-csv-formula/bodypart_formula.dcm"]["body_part"]
    assert formula.startswith("=HYPERLINK")
    printed = list(csv.DictReader(commands.run("results", "--csv").stdout.splitlines()))
    commands.run("export", "--batch", "faults", "--out", tmp_path / "results.csv")
    with (tmp_path / "results.csv").open(encoding="utf-8") as file:
        exported = list(csv.DictReader(file))
    [report] = (commands.state / "reports").glob("*/results.csv")
    with report.open(encoding="utf-8") as file:
        reported = list(csv.DictReader(file))
    for rows in (printed, exported, reported):
        assert f"'{formula}" in {row["body_part"] for row in rows}
        assert formula not in {row["body_part"] for row in rows}
