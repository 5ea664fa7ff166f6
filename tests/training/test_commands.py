"""The data sets as they lie on disk, and the commands that fit and judge on them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from network.weights import read_network
from radiograph.phantom import draw_anatomy, project
from scheduler.settings import process_environment
from training.samples import CALLIPER_COLUMNS, OUTLINE_FOLDERS, read_samples

ROOT = Path(__file__).parents[2]
SIDE = 192
SPLITS = ("train", "train", "val", "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give both data sets, four phantoms each."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    landmarks, callipers = [], []
    for i, split in enumerate(SPLITS):
        name = f"phantom {i}.png"
        for kind, rows in (("landmarks15", landmarks), ("cardiothoracic", callipers)):
            anatomy = draw_anatomy(rng)
            (folder / kind / "images").mkdir(parents=True, exist_ok=True)
            film = project(anatomy, SIDE, SIDE, rng) >> 8
            Image.fromarray(film.astype(np.uint8)).save(folder / kind / "images" / name)
            points = anatomy.points(SIDE, SIDE).round(2).tolist()
            if kind == "landmarks15":
                rows.append([name, "Normal", split, *(v for p in points[:15] for v in p)])
            else:
                rows.append(
                    [name, "wingspan", split, anatomy.ict, *(v for p in points[15:] for v in p)]
                )
                for outline in OUTLINE_FOLDERS:
                    mask = folder / kind / "masks" / outline
                    mask.mkdir(parents=True, exist_ok=True)
                    left, right = points[15][0], points[16][0]
                    drawn = np.zeros((SIDE, SIDE), np.uint8)
                    drawn[90:140, round(left) : round(right) + 1] = 255
                    Image.fromarray(drawn).save(mask / name)
    numbers = [f"{axis}{i + 1}" for i in range(15) for axis in "xy"]
    places = [f"{name}_{axis}" for name in CALLIPER_COLUMNS for axis in "xy"]
    _write(
        folder / "landmarks15/landmarks.csv", ["image", "category", "split", *numbers], landmarks
    )
    _write(
        folder / "cardiothoracic/cardiothoracic.csv",
        ["image", "source", "split", "ctr", *places],
        callipers,
    )
    return folder


def _write(path: Path, heading: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env={**process_environment(), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_both_sets_come_with_the_points_and_outlines_each_has(data: Path) -> None:
    samples = read_samples(data, side=160)
    assert sorted(samples.sources.tolist()) == ["landmarks15"] * 4 + ["wingspan"] * 4
    assert samples.has_landmarks().sum() == samples.has_callipers().sum() == 4
    assert not (samples.has_landmarks() & samples.has_callipers()).any()
    assert samples.outlined.tolist() == samples.has_callipers().tolist()
    drawn = samples.where(samples.outlined)
    for heart, points in zip(drawn.outlines[:, 0], drawn.points, strict=True):
        columns = np.flatnonzero(heart.any(axis=0))
        assert columns[0] == pytest.approx(points[15, 0], abs=1.5)
        assert columns[-1] == pytest.approx(points[16, 0], abs=1.5)


def test_a_folder_without_data_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="landmarks15"):
        read_samples(tmp_path)


@pytest.mark.slow
def test_a_fit_writes_weights_that_load_and_says_where_it_started(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "network"
    run_file = tmp_path / "run.toml"
    run_file.write_text("landmark_batch = 2\ncalliper_batch = 2\ncounterexample_batch = 1\n")
    ran = run(
        "training.fit", "--data", data, "--out", out, "--run", run_file, "--steps", "2",
        "--device", "cpu",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert read_network(out / "network.safetensors")
    made = json.loads((out / "fit.json").read_text())
    assert made["recipe"]["steps"] == 2
    assert made["pretraining"] in ran.stdout
    (check,) = [json.loads(line) for line in (out / "checks.jsonl").read_text().splitlines()]
    assert check["step"] == 2


@pytest.mark.slow
def test_evaluation_prints_both_tables_or_what_is_wrong(data: Path) -> None:
    ran = run("training.evaluate", "--data", data, "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    assert "Landmarks, px of a 224 frame" in ran.stdout
    assert "Cardiothoracic index" in ran.stdout
    figures = json.loads(run("training.evaluate", "--data", data, "--json").stdout)
    assert figures["landmarks"]["landmarks15 test"]["cases"] == 1
    wrong = run("training.evaluate", "--data", data, "--split", "nowhere")
    assert wrong.returncode == 2
    assert "no radiograph of the split 'nowhere'" in wrong.stderr
