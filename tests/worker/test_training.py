"""Training runs in real workers end with the same result after any interruption."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from db.models import list_models
from db.states import RunState
from db.training.records import NewRun, RunCheck, RunPhase, TrainingRun
from db.training.runs import cancel_run, find_run, open_run, resume_run, run_checks, run_phases
from scheduler.messages import TRAIN, TRAINING_QUEUE, train_message
from scheduler.relay import relay
from scheduler.settings import child_environment
from scheduler.stack import Stack, worker_command
from testbed.data_sets import write_phantoms
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench, freeze, kill_group, member
from training.fit.checkpoint import checkpoints
from training.fit.run import WEIGHTS_FILE, run_plan
from training.plan import Plan
from worker.training import run_folder

pytestmark = pytest.mark.slow

PLAN = Plan.from_mapping(
    {
        "landmark_batch": 2,
        "calliper_batch": 1,
        "frontal_batch": 1,
        "counterexample_batch": 1,
        "check_every": 2,
        "phases": [
            {"name": "baseline", "steps": 6, "points": "squared"},
            {"name": "wing", "number": 1, "steps": 8, "points": "wing"},
        ],
    }
)
STEPS = [*range(2, 7, 2), *range(2, 9, 2)]


class Silent:
    """A watcher that does nothing."""

    def beat(self) -> None:
        """Do nothing."""

    def checked(self, check: RunCheck) -> None:
        """Do nothing."""

    def phase_ended(self, result: RunPhase) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of radiographs to train on."""
    return write_phantoms(tmp_path_factory.mktemp("radiographs"))


@pytest.fixture(scope="module")
def undisturbed(radiographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the weights of an undisturbed run, in one thread as in a worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    made = run_plan(
        PLAN, radiographs, tmp_path_factory.mktemp("run"), torch.device("cpu"), Silent()
    )
    torch.set_num_threads(threads)
    return made.weights


def queue_run(bench: Bench, radiographs: Path, stack: Stack, plan: Plan = PLAN) -> TrainingRun:
    run = open_run(bench.database, NewRun("night", str(radiographs), plan.as_mapping()))
    relay(bench.database, stack.app)
    return run


def now(bench: Bench) -> TrainingRun:
    return find_run(bench.database, "night")


def folder(bench: Bench) -> Path:
    return run_folder(bench.settings, now(bench))


def reaches(bench: Bench, stack: Stack, ordinal: int, step: int) -> bool:
    """Wait until a run has reached a step."""

    def far_enough() -> bool:
        stack.tend()
        last = now(bench).last
        return last is not None and (last.ordinal, last.step) >= (ordinal, step)

    return eventually(far_enough, 120)


def ends(bench: Bench, stack: Stack, state: RunState) -> bool:
    def so_far() -> bool:
        stack.tend()
        return now(bench).state is state

    return eventually(so_far, 150)


def is_trained(bench: Bench, stack: Stack) -> bool:
    """Wait until a run's last phase has ended, before its weights are used."""

    def so_far() -> bool:
        stack.tend()
        return (folder(bench) / WEIGHTS_FILE).exists() and len(phases(bench)) == 2

    return eventually(so_far, 120)


def phases(bench: Bench) -> list[str]:
    return [each.phase_name for each in run_phases(bench.database, now(bench).id)]


def check_same(bench: Bench, undisturbed: Path) -> None:
    one, other = load_file(undisturbed), load_file(folder(bench) / WEIGHTS_FILE)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [each.step for each in run_checks(bench.database, now(bench).id)] == STEPS
    assert phases(bench) == ["baseline", "wing"]


def test_a_killed_run_is_resumed_and_ends_with_the_same_weights(
    bench: Bench, radiographs: Path, undisturbed: Path
) -> None:
    with bench.stack(training=True) as stack:
        run = queue_run(bench, radiographs, stack)
        assert reaches(bench, stack, 0, 4), bench.log("training0")
        kill_group(member(stack, "training0"))
        assert ends(bench, stack, RunState.FINISHED), bench.log("training0")
    check_same(bench, undisturbed)
    assert now(bench).model_version == "night"
    assert [each.version for each in list_models(bench.database) if not each.served] == ["night"]
    assert (bench.settings.models_folder / "night" / "card.json").exists()
    assert checkpoints(folder(bench)) == []
    assert bench.log("training0").count("training starts") == 2
    assert str(radiographs) not in bench.log("training0")
    assert now(bench).id == run.id


def test_a_repeated_message_starts_nothing_and_measuring_continues_during_a_run(
    bench: Bench, radiographs: Path
) -> None:
    write_radiographs(bench.archive, 12)
    with bench.stack(training=True) as stack:
        run = queue_run(bench, radiographs, stack, PLAN.scaled(100))
        assert reaches(bench, stack, 0, 2), bench.log("training0")
        with stack.app.connection_for_read() as connection:
            # The broker has no unacknowledged message that it could deliver again.
            assert connection.default_channel.client.hlen("unacked") == 0
        message = train_message(run.id)
        for _ in range(2):
            stack.app.send_task(TRAIN, kwargs=message, queue=TRAINING_QUEUE)
        bench.submit(stack)
        assert bench.finish(stack).measured == 12
        assert now(bench).state is RunState.RUNNING
        cancel_run(bench.database, "night")
        assert ends(bench, stack, RunState.CANCELLED), bench.log("training0")
        with stack.app.connection_for_read() as connection:
            client = connection.default_channel.client
            assert eventually(lambda: client.llen(TRAINING_QUEUE) == 0)
    assert bench.log("training0").count("training starts") == 1


def test_a_stopped_worker_writes_a_checkpoint_and_the_run_continues(
    bench: Bench, radiographs: Path, undisturbed: Path
) -> None:
    with bench.stack(training=True) as stack:
        queue_run(bench, radiographs, stack)
        assert reaches(bench, stack, 0, 4), bench.log("training0")
    stopped = now(bench)
    # Nothing waits for a lease to expire.
    assert (stopped.state, stopped.code) == (RunState.QUEUED, None), bench.log("training0")
    assert len(checkpoints(folder(bench))) == 1
    with bench.stack(training=True) as stack:
        assert is_trained(bench, stack), bench.log("training0")
    check_same(bench, undisturbed)
    # The second stop came while the model was written from the weights.
    assert now(bench).state is RunState.QUEUED, bench.log("training0")
    assert list_models(bench.database)[0].served


def test_a_cancelled_run_keeps_its_checkpoint_and_is_resumed(
    either_bench: Bench, radiographs: Path, undisturbed: Path
) -> None:
    bench = either_bench
    with bench.stack(training=True) as stack:
        queue_run(bench, radiographs, stack)
        assert reaches(bench, stack, 0, 4), bench.log("training0")
        cancel_run(bench.database, "night")
        assert ends(bench, stack, RunState.CANCELLED), bench.log("training0")
        assert len(run_checks(bench.database, now(bench).id)) < len(STEPS)
        assert len(checkpoints(folder(bench))) == 1
        resume_run(bench.database, "night")
        assert is_trained(bench, stack), bench.log("training0")
    check_same(bench, undisturbed)


def test_a_worker_that_was_frozen_past_its_lease_writes_nothing(
    bench: Bench, radiographs: Path, undisturbed: Path
) -> None:
    with bench.stack(training=True) as stack:
        queue_run(bench, radiographs, stack)
        assert reaches(bench, stack, 0, 4), bench.log("training0")
        frozen = freeze(bench, member(stack, "training0"))
        with (bench.settings.state / "logs" / "training1.log").open("wb") as log:
            other = subprocess.Popen(
                worker_command("cpu", "training1", queues="training"),
                env=child_environment(bench.settings),
                stderr=log,
            )
        try:
            assert is_trained(bench, stack), bench.log("training1")
            cancel_run(bench.database, "night")
            assert ends(bench, stack, RunState.CANCELLED), bench.log("training1")
            before = written(bench)
            for process in frozen:
                process.resume()
            assert eventually(lambda: "run-taken" in bench.log("training0"))
            assert written(bench) == before
        finally:
            other.terminate()
            other.wait(60)
    check_same(bench, undisturbed)


def written(bench: Bench) -> object:
    """Return the rows of a run, and the times when its files were written.

    Partial files of the suspended worker are left out: it may still finish them.
    """
    files = {
        path: path.stat().st_mtime_ns
        for path in folder(bench).iterdir()
        if not path.suffix[1:].isdigit()
    }
    checks = run_checks(bench.database, now(bench).id)
    return now(bench), checks, run_phases(bench.database, now(bench).id), files


def test_a_run_without_radiographs_fails_with_a_code(bench: Bench, tmp_path: Path) -> None:
    with bench.stack(training=True) as stack:
        queue_run(bench, tmp_path, stack)
        assert ends(bench, stack, RunState.FAILED), bench.log("training0")
    assert now(bench).code == "data-missing"


def test_a_run_with_a_read_only_folder_is_retried(bench: Bench, radiographs: Path) -> None:
    (bench.settings.state / "runs").write_text("no folder")
    with bench.stack(training=True) as stack:
        queue_run(bench, radiographs, stack)
        assert eventually(lambda: now(bench).code == "training-files", 60), bench.log("training0")
        assert now(bench).state is RunState.QUEUED
        (bench.settings.state / "runs").unlink()
        assert reaches(bench, stack, 0, 2), bench.log("training0")
