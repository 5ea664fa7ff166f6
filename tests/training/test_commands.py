"""Data sets on disk, and the commands that train and evaluate on them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.exits import exit_of
from cli.output.vocabulary import FORMER_OF
from network.card import shipped_card
from network.errors import CardInvalid, NetworkError
from network.weights import read_network
from scheduler.settings import process_environment
from tests.cli.json_keys import unknown_keys
from training.errors import DataMissing, SplitEmpty, TrainingError
from training.samples import read_samples

ROOT = Path(__file__).parents[2]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env={**process_environment(), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_both_data_sets_have_their_points_and_outlines(data: Path) -> None:
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


@pytest.mark.slow
def test_training_writes_loadable_weights_and_their_origin(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "network"
    run_file = tmp_path / "run.toml"
    run_file.write_text(
        "landmark_batch = 2\ncalliper_batch = 2\ncounterexample_batch = 1\n"
        '[[phases]]\nname = "short"\nsteps = 2\n'
    )
    ran = run("training.fit", "--data", data, "--out", out, "--run", run_file, "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    assert read_network(out / "network.safetensors")
    made = json.loads((out / "fit.json").read_text())
    assert [phase["steps"] for phase in made["plan"]["phases"]] == [2]
    assert made["pretraining"].startswith(("none", "ImageNet"))
    assert "short: kept" in ran.stdout
    (check,) = [json.loads(line) for line in (out / "checks.jsonl").read_text().splitlines()]
    assert check["step"] == 2


@pytest.mark.slow
def test_evaluation_prints_both_tables_or_an_error(data: Path) -> None:
    ran = run("training.evaluate", "--data", data, "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    assert "Landmarks, px of a 224 frame" in ran.stdout
    assert "Cardiothoracic index" in ran.stdout
    figures = json.loads(run("training.evaluate", "--data", data, "--json").stdout)
    assert unknown_keys(figures) == set()
    former = FORMER_OF["evaluate"]
    assert all(figures[old] == figures[former[old]] for old in ("model", "ict"))
    for agreement in figures["ict_agreement"].values():
        shares = ("enlarged", "not_enlarged")
        assert all(agreement[old] == agreement[former[old]] for old in shares)
    assert figures["landmarks"]["landmarks15 test"]["cases"] == 1
    shares = figures["reliability"]["landmarks15 test"]["confusion"]
    assert sum(count for row in shares.values() for count in row.values()) == 1


@pytest.mark.slow
def test_several_models_are_an_ensemble_with_pictures_and_a_page(
    data: Path, tmp_path: Path
) -> None:
    card = shipped_card()
    path = next(card.weights_path.parent.glob("*.json"))
    drawn, page = tmp_path / "drawn", tmp_path / "page.html"
    ran = run(
        *("training.evaluate", "--data", data, "--device", "cpu", "--json"),
        *("--model", path, "--model", path, "--pictures", drawn, "--html", page),
    )
    assert ran.returncode == 0, ran.stderr
    figures = json.loads(ran.stdout)
    assert figures["model"] == f"{card.version} + {card.version}"
    # One validation radiograph is too few to calibrate the ensemble.
    assert figures["reliability"] == {}
    pictures = sorted(path.relative_to(drawn).as_posix() for path in drawn.rglob("*.jpg"))
    assert pictures == ["landmarks15 test/phantom 3.png.jpg", "wingspan test/phantom 3.png.jpg"]
    assert (drawn / "cases.csv").is_file()
    assert f"{card.version} + {card.version}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SplitEmpty("no radiograph of the split 'nowhere'"), ("--split", "nowhere")),
        (DataMissing("holds neither landmarks15"), ("--data", "nowhere")),
        (CardInvalid("absent.json"), ("--model", "absent.json")),
    ],
    ids=lambda each: each.code if isinstance(each, Exception) else None,
)
def test_evaluation_errors_have_the_exit_codes_of_commands(
    data: Path, error: TrainingError | NetworkError, words: tuple[str, ...]
) -> None:
    wrong = run("training.evaluate", "--data", data, *words)
    assert wrong.returncode == exit_of(error)
    assert wrong.stderr.startswith(f"error [{error.code}]: ")
    assert str(error) in wrong.stderr
