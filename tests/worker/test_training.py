"""Training runs in real workers: whatever stops them, they end as if it had not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from db.models import list_models
from db.states import RunState
from db.training_records import NewRun, TrainingRun
from db.training_runs import cancel_run, find_run, open_run, resume_run, run_checks, run_phases
from scheduler.messages import TRAIN, TRAINING_QUEUE, train_message
from scheduler.relay import relay
from scheduler.stack import Stack
from tests.training.phantoms import write_phantoms
from tests.worker.conftest import Bench, eventually, gone, kill_group, member, write_radiographs
from training.pipeline import run_plan
from training.plan import Plan
from training.progress import Check, PhaseResult

pytestmark = pytest.mark.slow

PLAN = Plan.from_mapping(
    {
        "landmark_batch": 2,
        "calliper_batch": 2,
        "counterexample_batch": 1,
        "check_every": 5,
        "phases": [
            {"name": "baseline", "steps": 10, "points": "squared"},
            {"name": "wing", "number": 1, "steps": 30, "points": "wing"},
        ],
    }
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give films to train on."""
    return write_phantoms(tmp_path_factory.mktemp("films"))


class Silent:
    """Watches nothing."""

    def beat(self) -> None:
        """Let every step pass."""

    def checked(self, check: Check) -> None:
        """Forget it."""

    def phase_ended(self, result: PhaseResult) -> None:
        """Forget it."""


@pytest.fixture(scope="module")
def undisturbed(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the weights of a run that nothing stopped, with a worker's one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    made = run_plan(PLAN, films, tmp_path_factory.mktemp("run"), torch.device("cpu"), Silent())
    torch.set_num_threads(threads)
    return made.weights


@contextmanager
def training(bench: Bench) -> Iterator[Stack]:
    with Stack(bench.settings, ["cpu"], training=True) as stack:
        yield stack


def queued(bench: Bench, films: Path, stack: Stack) -> TrainingRun:
    run = open_run(bench.database, NewRun("night", str(films), PLAN.as_mapping()))
    relay(bench.database, stack.app)
    return run


def now(bench: Bench) -> TrainingRun:
    return find_run(bench.database, "night")


def reached(bench: Bench, stack: Stack, ordinal: int, step: int) -> bool:
    """Wait until a run has done so much."""

    def far_enough() -> bool:
        stack.tend()
        last = now(bench).last
        return last is not None and (last.ordinal, last.step) >= (ordinal, step)

    return eventually(far_enough, 120)


def ended(bench: Bench, stack: Stack, state: RunState) -> bool:
    def so_far() -> bool:
        stack.tend()
        return now(bench).state is state

    return eventually(so_far, 150)


def check_same(bench: Bench, undisturbed: Path) -> None:
    made = bench.settings.runs_folder / str(now(bench).id) / "network.safetensors"
    one, other = load_file(undisturbed), load_file(made)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [each.step for each in run_checks(bench.database, now(bench).id)] == [
        *(5, 10),
        *(5, 10, 15, 20, 25, 30),
    ]


def test_a_killed_run_is_found_and_ends_with_the_same_weights_beside_measuring(
    bench: Bench, films: Path, undisturbed: Path
) -> None:
    write_radiographs(bench.archive, 12)
    with training(bench) as stack:
        queued(bench, films, stack)
        assert reached(bench, stack, 1, 5), bench.log("training0")
        # Delivered once more while it runs: nobody starts it twice.
        message = train_message(now(bench).id)
        stack.app.send_task(TRAIN, kwargs=message, queue=TRAINING_QUEUE)
        kill_group(member(stack, "training0"))
        bench.submit(stack)
        bench.finish(stack)
        assert bench.status().measured == 12
        assert ended(bench, stack, RunState.FINISHED), bench.log("training0")
    check_same(bench, undisturbed)
    assert [each.phase_name for each in run_phases(bench.database, now(bench).id)] == [
        "baseline",
        "wing",
    ]
    assert [each.version for each in list_models(bench.database) if not each.served] == ["night"]
    assert (bench.settings.models_folder / "night" / "card.json").exists()


def test_a_stopped_worker_writes_a_checkpoint_and_the_run_goes_on(
    bench: Bench, films: Path, undisturbed: Path
) -> None:
    with training(bench) as stack:
        queued(bench, films, stack)
        assert reached(bench, stack, 0, 5), bench.log("training0")
    stopped = now(bench)
    assert (stopped.state, stopped.attempts) == (RunState.QUEUED, 0), bench.log("training0")
    assert (bench.settings.runs_folder / str(stopped.id) / "checkpoint.pt").exists()
    with training(bench) as stack:
        assert ended(bench, stack, RunState.FINISHED), bench.log("training0")
    check_same(bench, undisturbed)


def test_a_cancelled_run_ends_soon_and_is_resumed(
    bench: Bench, films: Path, undisturbed: Path
) -> None:
    with training(bench) as stack:
        queued(bench, films, stack)
        assert reached(bench, stack, 1, 5), bench.log("training0")
        cancel_run(bench.database, "night")
        assert ended(bench, stack, RunState.CANCELLED), bench.log("training0")
        assert now(bench).last is not None
        resume_run(bench.database, "night")
        assert ended(bench, stack, RunState.FINISHED), bench.log("training0")
    check_same(bench, undisturbed)


def test_a_run_without_films_fails_with_a_code(bench: Bench, tmp_path: Path) -> None:
    with training(bench) as stack:
        queued(bench, tmp_path, stack)
        assert ended(bench, stack, RunState.FAILED), bench.log("training0")
    assert now(bench).code == "data-missing"


def test_a_training_worker_that_was_frozen_past_its_lease_stores_nothing(
    bench: Bench, films: Path, undisturbed: Path
) -> None:
    with training(bench) as stack:
        queued(bench, films, stack)
        assert reached(bench, stack, 0, 5), bench.log("training0")
        frozen = member(stack, "training0")
        family = [frozen, *frozen.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            assert eventually(lambda: now(bench).state is RunState.QUEUED, 30)
            time.sleep(0.5)
        finally:
            for process in family:
                if not gone(process):
                    process.resume()
        assert ended(bench, stack, RunState.FINISHED), bench.log("training0")
        assert psutil.pid_exists(frozen.pid)
    check_same(bench, undisturbed)
