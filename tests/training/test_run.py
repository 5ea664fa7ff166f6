"""Runs of several phases give the same result after an interruption at any step."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from db.training.records import RunCheck, RunPhase
from tests.training.spots import write_spots
from training.errors import (
    CheckpointBroken,
    DataMissing,
    NoPhaseBetter,
    PlanDiffers,
    TrainingDiverged,
)
from training.fit.checkpoint import (
    checkpoints,
    drop_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from training.fit.gate import compare_errors
from training.fit.run import run_plan
from training.plan import Plan
from training.progress import PlanResult

CPU = torch.device("cpu")
PLAN = Plan.from_mapping(
    {
        "landmark_batch": 3,
        "calliper_batch": 2,
        "counterexample_batch": 1,
        "check_every": 2,
        "geometry": {"calliper_warp_px": [3, 2]},
        "phases": [
            {"name": "head", "steps": 2, "frozen_trunk": True, "points": "squared"},
            {"name": "wing", "number": 1, "steps": 4, "points": "wing", "warmup_steps": 2},
            {
                "name": "attention",
                "number": 2,
                "steps": 3,
                "attention": True,
                "weights": {"symmetry": 0.3, "distances": 0.2},
            },
        ],
    }
)


class Stop(Exception):
    """Raised by the watcher to stop the run."""


class Watching:
    """Records progress and stops a run at a given step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at, self.beats = stop_at, 0
        self.checks: list[RunCheck] = []
        self.results: list[RunPhase] = []

    def beat(self) -> None:
        """Count steps, and stop at the given one."""
        self.beats += 1
        if self.beats == self.stop_at:
            raise Stop

    def checked(self, check: RunCheck) -> None:
        """Record."""
        self.checks.append(check)

    def phase_ended(self, result: RunPhase) -> None:
        """Record."""
        self.results.append(result)


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_spots(tmp_path_factory.mktemp("spots"))


@pytest.fixture(scope="module")
def undisturbed(radiographs: Path, tmp_path_factory: pytest.TempPathFactory) -> PlanResult:
    return run_plan(PLAN, radiographs, tmp_path_factory.mktemp("run"), CPU, Watching())


@pytest.mark.slow
def test_a_run_stopped_in_every_phase_ends_with_the_same_weights(
    radiographs: Path, undisturbed: PlanResult, tmp_path: Path
) -> None:
    for stop_at in (2, 3, 4):  # within the phases head, wing and attention
        with pytest.raises(Stop):
            run_plan(PLAN, radiographs, tmp_path, CPU, Watching(stop_at))
    watching = Watching()
    ended = run_plan(PLAN, radiographs, tmp_path, CPU, watching)
    assert watching.beats < sum(phase.steps for phase in PLAN.phases)
    one, other = load_file(undisturbed.weights), load_file(ended.weights)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [each.error_px224 for each in ended.checks] == [
        each.error_px224 for each in undisturbed.checks
    ]
    assert [each.kept for each in ended.phases] == [each.kept for each in undisturbed.phases]


def test_every_phase_states_whether_it_is_kept_and_why(undisturbed: PlanResult) -> None:
    assert [each.phase_name for each in undisturbed.phases] == ["head", "wing", "attention"]
    first, *later = undisturbed.phases
    assert (first.kept, first.start_px224, first.reason) == (True, None, "started from scratch")
    for each in later:
        assert each.start_px224 is not None
        assert each.difference_low is not None
        assert each.difference_high is not None
        assert each.difference_low <= each.difference_high
        assert "resamples" in each.reason
        assert each.figures["test_px224"] > 0


def of_phases(*phases: dict[str, Any]) -> Plan:
    return Plan.from_mapping({**PLAN.as_mapping(), "phases": list(phases)})


def test_a_phase_without_attention_is_compared_with_the_network_with_it(
    radiographs: Path, tmp_path: Path
) -> None:
    first = {"name": "with", "steps": 4, "attention": True}
    plan = of_phases(first, {"name": "without", "steps": 1, "number": 1})
    watching = Watching()
    run_plan(plan, radiographs, tmp_path, CPU, watching)
    attended, bare = watching.results
    assert bare.start_px224 == pytest.approx(attended.error_px224, abs=1e-3)


def test_weights_of_a_worse_phase_are_discarded(
    radiographs: Path, undisturbed: PlanResult, tmp_path: Path
) -> None:
    # Too slow to improve.
    standing = {"steps": 2, "trunk_rate": 1e-12, "head_rate": 1e-12}
    plan = of_phases({"name": "one", **standing}, {"name": "two", "number": 1, **standing})
    watching = Watching()
    with pytest.raises(NoPhaseBetter):
        run_plan(plan, radiographs, tmp_path, CPU, watching, start=undisturbed.weights)
    assert [each.kept for each in watching.results] == [False, False]
    starts = [each.start_px224 for each in watching.results]
    assert starts[0] is not None
    assert starts[0] == starts[1]  # both continued from the initial weights
    assert not (tmp_path / "network.safetensors").exists()


def test_a_run_with_weights_that_are_not_finite_ends(radiographs: Path, tmp_path: Path) -> None:
    wild = {"name": "wild", "steps": 6, "trunk_rate": 2e9, "head_rate": 2e9, "warmup_steps": 1}
    with pytest.raises(TrainingDiverged):
        run_plan(of_phases(wild), radiographs, tmp_path, CPU, Watching())


def test_a_folder_of_another_plan_is_not_changed(radiographs: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 0, 1, {"plan": Plan.four_phases().as_mapping()})
    with pytest.raises(PlanDiffers):
        run_plan(PLAN, radiographs, tmp_path, CPU, Watching())


def test_a_folder_without_radiographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        run_plan(PLAN, tmp_path, tmp_path / "run", CPU, Watching())


def test_an_incomplete_checkpoint_leaves_the_previous_one(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 0, 1, {"step": 1})
    with pytest.raises(AttributeError):
        save_checkpoint(tmp_path, 0, 2, {"step": 2, "no value of a file": lambda: None})
    assert load_checkpoint(tmp_path) == {"step": 1}
    drop_checkpoints(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_furthest_checkpoint_is_kept_whichever_is_written_last(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 0, 900, {"step": 900})
    save_checkpoint(tmp_path, 0, 1000, {"step": 1000})
    save_checkpoint(tmp_path, 1, 0, {"step": 0})
    save_checkpoint(tmp_path, 0, 950, {"step": 950})  # by a worker presumed dead
    assert load_checkpoint(tmp_path) == {"step": 0}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_checkpoint_is_read_while_another_worker_writes_further_ones(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 0, 0, {"step": 0})
    with ThreadPoolExecutor(1) as other:
        saving = other.submit(
            lambda: [save_checkpoint(tmp_path, 0, step, {"step": step}) for step in range(1, 200)]
        )
        steps: list[int] = []
        while not saving.done():
            state = load_checkpoint(tmp_path)
            assert state is not None
            steps.append(state["step"])
        saving.result()
    assert steps == sorted(steps)
    assert load_checkpoint(tmp_path) == {"step": 199}


def test_a_damaged_checkpoint_and_one_with_code_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 0, 1, {"step": 1})
    (path,) = checkpoints(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointBroken):
        load_checkpoint(tmp_path)
    torch.save({"step": Stop()}, path)
    with pytest.raises(CheckpointBroken):
        load_checkpoint(tmp_path)


def test_the_gate_keeps_better_phases_only() -> None:
    rng = np.random.default_rng(0)
    before = rng.gamma(4, 1.2, 100)
    assert compare_errors(before, before - rng.normal(0.3, 0.5, 100)).kept
    assert not compare_errors(before, before + rng.normal(0.0, 0.5, 100)).kept
    assert not compare_errors(before, before + 1.0).kept
    assert compare_errors(None, before).kept


@pytest.mark.slow
def test_the_original_recipe_runs_and_keeps_every_phase(data: Path, tmp_path: Path) -> None:
    plan = Plan.from_mapping(
        {
            **Plan.faithful().as_mapping(),
            "landmark_batch": 2,
            "check_every": 1,
        }
    ).scaled(1e-9)
    ended = run_plan(plan, data, tmp_path, CPU, Watching())
    assert [each.kept for each in ended.phases] == [True] * 6
    assert ended.weights.exists()
