"""`thoraq bench`: stages, limit, rate and bottleneck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bench.load import Part
from benchmarks.bench.records import Bench, Stage
from benchmarks.bench.verdict import verdict
from cli.exits import Exit
from testbed.commands import Commands
from testbed.dicom_files import make_dicom
from testbed.radiographs import phantoms, write_radiographs
from tests.cli.json_keys import unknown_keys

#: Stages in the sum of the verdict.
STAGES = ("read", "prepare", "predict", "measure", "record", "claim", "write")


def test_a_bench_times_every_stage_and_stores_nothing(commands: Commands, tmp_path: Path) -> None:
    write_radiographs(tmp_path / "films", 30)
    for number in range(10):
        pixels = phantoms()[number % len(phantoms())]
        instance = make_dicom(pixels, SOPInstanceUID=f"1.2.3.{number + 1}")
        (tmp_path / "films" / f"{number}.dcm").write_bytes(instance)
    said = commands.json("bench", tmp_path / "films", "--out", tmp_path / "bench.png")

    assert [each["stage"] for each in said["stages"]] == [
        *("list", "hash", "read", "prepare", "predict", "record", "claim", "measure", "write")
    ]
    assert all(each["core_ms_per_file"] > 0 for each in said["stages"])
    assert {"png", "ExplicitVRLittleEndian"} == {each["read"] for each in said["reading"]}
    assert sum(each["share"] for each in said["stages"]) == pytest.approx(1.0, abs=0.01)
    for each in said["stages"] + said["reading"]:
        assert each["core_ms_a_file"] == each["core_ms_per_file"]  # its former key
        assert each["files_a_core_s"] == each["files_per_core_s"]
    assert unknown_keys(said) == set()
    assert said["files"] == 40
    core_ms = sum(each["core_ms_per_file"] for each in said["stages"])
    assert abs(said["limit_per_second"] * core_ms / (1000 * said["cores"]) - 1) < 0.02
    assert said["efficiency"] > 0
    assert sum(said["cpu_time"].values()) == pytest.approx(1.0)
    assert set(said["cpu_time"]) == {"reading", "measuring", "queue", "command"}
    assert said["cpu_time"]["measuring"] > said["cpu_time"]["reading"]
    assert said["cpu_time"]["queue"] < said["overhead"] < 1
    assert said["judged"] is False
    assert 0 < said["objects_core_ms"] < 1000
    assert said["held_by"] in {each["stage"] for each in said["stages"]}
    with Image.open(tmp_path / "bench.png") as picture:
        assert picture.format == "PNG"
    assert not (commands.state / "thoraq.db").exists()


def test_too_few_files_give_no_bottleneck() -> None:
    few = Bench(
        device="cpu",
        cores=2,
        files=61,
        stages=tuple(Stage(name, 1.0, 0.1) for name in STAGES),
        reading=(),
        limit_per_second=100.0,
        rate_per_second=10.0,
        busy=0.5,
        device_busy=None,
        spent=dict.fromkeys(Part, 0.25),
        held_by="write",
        objects_core_ms=20.0,
    )
    assert verdict(few).endswith("; too few files to find the bottleneck: 200 or more are needed")
    assert "database" not in verdict(few)
    many = verdict(replace(few, files=200))
    assert many.endswith("of the work; limited by write")


def test_a_folder_without_radiographs_is_reported(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no film")
    ran = commands.run("bench", tmp_path / "notes")
    assert (ran.returncode, "bench-failed" in ran.stderr) == (Exit.QUEUE, True), ran.stderr
