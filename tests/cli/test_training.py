"""Checks of training runs before queueing: plan, folder, names and weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli.exits import Exit
from db.models import register_model
from db.training.runs import find_run, list_runs
from network.card import shipped_card
from testbed.commands import Commands
from testbed.networks import make_network
from tests.cli.trained import opened, submit
from training.plan import Plan


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Commands:
    """Return commands on a database without training runs."""
    state = tmp_path_factory.mktemp("idle") / "state"
    state.mkdir()
    shutil.copy(migrated_sqlite, state / "thoraq.db")
    return Commands(state)


def test_a_run_is_queued_with_a_notice_that_no_trainer_runs(
    commands: Commands, films: Path
) -> None:
    ran = submit(commands, films, "--name", "ours", "--phases", "1-4")
    plan = Plan.four_phases().only("1-4")
    assert ran.stdout.splitlines() == [
        f"ours queued: {len(plan.phases)} phases, {plan.steps} steps",
        "8 training and 4 validation radiographs",
    ]
    assert "no broker answers: start `thoraq up --training`" in ran.stderr
    run = find_run(opened(commands), "ours")
    assert Plan.from_mapping(run.plan) == plan
    assert (run.data, run.start, run.teachers, run.state) == (str(films), None, (), "queued")


def test_runs_without_a_name_are_named_after_their_folder(commands: Commands, films: Path) -> None:
    first = submit(commands, films)
    second = submit(commands, films, "--seeds", "2")
    assert first.stdout.startswith("films-1 queued")
    assert second.stdout.startswith("films-2-s1 queued")
    runs = [run.name for run in list_runs(opened(commands))]
    assert runs == ["films-2-s2", "films-2-s1", "films-1"]


def test_runs_of_several_seeds_differ_only_in_the_seed(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "many", "--seeds", "3", "--scale", "0.5")
    database = opened(commands)
    plans = [Plan.from_mapping(find_run(database, f"many-s{number}").plan) for number in (1, 2, 3)]
    assert len({plan.seed for plan in plans}) == 3
    assert {replace(plan, seed=0) for plan in plans} == {
        replace(Plan.four_phases().scaled(0.5), seed=0)
    }


def test_a_run_starts_from_networks_and_from_weights_files(
    commands: Commands, films: Path, tmp_path: Path
) -> None:
    made = make_network(tmp_path / "made", "elder")
    commands.run("models", "register", made)
    loose = tmp_path / "loose.safetensors"
    shutil.copy(made / "elder.safetensors", loose)
    teachers = f"{shipped_card().version}, {loose}"
    submit(commands, films, "--name", "ours", "--start", "elder", "--teachers", teachers)
    run = find_run(opened(commands), "ours")
    assert run.parent == "elder"
    assert run.start == str(commands.state / "models" / "elder" / "elder.safetensors")
    assert run.teachers == (str(shipped_card().weights_path), str(loose))


def test_a_custom_run_file_is_the_plan(commands: Commands, films: Path, tmp_path: Path) -> None:
    file = tmp_path / "quick.toml"
    file.write_text('seed = 5\n[[phases]]\nname = "only"\nsteps = 7\n', encoding="utf-8")
    ran = submit(commands, films, "--name", "ours", "--run", str(file))
    assert "1 phases, 7 steps" in ran.stdout
    original = submit(commands, films, "--name", "theirs", "--faithful", "--scale", "0.01")
    assert original.stdout.startswith("theirs queued")
    database = opened(commands)
    assert find_run(database, "ours").plan["seed"] == 5
    assert find_run(database, "theirs").plan["original"] is True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--phases", "9"), Exit.USAGE, "[plan-invalid]: the plan: no phase is numbered 9"),
        (("--run", "missing.toml"), Exit.USAGE, "[plan-invalid]: missing.toml"),
        (("--run", "typo.toml"), Exit.USAGE, "unknown hyper-parameters: stepz"),
        (("--faithful", "--run", "typo.toml"), Exit.USAGE, "--faithful"),
        (("--start", "nobodys"), Exit.NOT_FOUND, "[model-unknown]"),
        (("--teachers", f"{shipped_card().version},nobodys"), Exit.NOT_FOUND, "[model-unknown]"),
        (("--name", "thoraq-7"), Exit.USAGE, "[version-reserved]"),
        (("--name", "../up"), Exit.USAGE, "[version-reserved]"),
        (("--name", shipped_card().version), Exit.USAGE, "[version-reserved]"),
    ],
)
def test_an_invalid_run_is_refused_before_queueing(
    idle: Commands, films: Path, words: tuple[str, ...], code: Exit, said: str
) -> None:
    folder = idle.state.parent
    (folder / "typo.toml").write_text('[[phases]]\nname = "a"\nsteps = 1\nstepz = 2\n')
    named = [str(folder / word) if word.endswith(".toml") else word for word in words]
    ran = idle.run("train", "submit", "--data", films, *named)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr.replace(f"{folder}/", "")
    assert list_runs(opened(idle)) == []


@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        (shutil.rmtree, Exit.NOT_FOUND, "[place-missing]"),
        (lambda data: shutil.rmtree(data / "landmarks15"), Exit.NOT_FOUND, "[data-missing]"),
        (
            lambda data: next((data / "landmarks15" / "images").iterdir()).unlink(),
            Exit.UNSOUND,
            "thoraq dataset check",
        ),
        (
            lambda data: rewrite(data / "landmarks15" / "landmarks.csv", ",val,", ",train,"),
            Exit.UNSOUND,
            "no radiograph in the split val",
        ),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_refused_with_a_reason(
    idle: Commands, films: Path, damage: Callable[[Path], object], code: Exit, said: str
) -> None:
    data = idle.state.parent / "damaged"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(films, data)
    damage(data)
    ran = idle.run("train", "submit", "--data", data)
    assert (ran.returncode, said in ran.stderr) == (code, True), ran.stderr
    assert list_runs(opened(idle)) == []


def rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_name_is_used_once(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "ours")
    register_model(opened(commands), "elder", "0" * 64, {}, serve=False)
    for name in ("ours", "elder"):
        ran = commands.run("train", "submit", "--data", films, "--name", name)
        assert (ran.returncode, "[run-name-taken]" in ran.stderr) == (Exit.USAGE, True)


@pytest.mark.parametrize("command", ["status", "cancel", "resume", "compare", "log"])
def test_a_missing_run_is_not_found(idle: Commands, command: str) -> None:
    ran = idle.run("train", command, "nobodys")
    assert (ran.returncode, "[run-unknown]" in ran.stderr) == (Exit.NOT_FOUND, True)
