"""Queued and running training runs: shown, followed, stopped and compared."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cli.exits import Exit
from db.training.claims import (
    end_cancelled,
    fail_run,
    finish_run,
    record_check,
    record_phase,
    renew_run,
)
from db.training.runs import find_run
from network.card import shipped_card
from testbed.commands import PATIENCE_SECONDS, Commands
from tests.cli.trained import CHECK, PHASE, WORSE, claimed, opened, submit

Start = Callable[..., subprocess.Popen[str]]


def test_status_shows_phase_epoch_losses_errors_and_time_left(
    commands: Commands, films: Path
) -> None:
    submit(commands, films, "--name", "ours")
    database, claim = claimed(commands, "ours")
    assert record_check(database, claim.owner, CHECK)
    assert record_phase(database, claim.owner, PHASE)

    [row] = commands.json("train", "status")
    assert (row["state"], row["phase"]) == ("running", "baseline, 2 of 6")
    assert (row["epoch"], row["loss"], row["seconds_left"]) == (5.5, 3.25, 7200)
    assert (row["error_px224"], row["best_px224"], row["ict_error"]) == (9.125, 9.0, 0.031)
    assert (row["device"], row["worker"]) == ("cpu", "training0@host")
    table = commands.run("train", "status").stdout
    assert "2 h 00 min" in table

    whole = commands.json("train", "status", "ours")
    assert whole["loss_parts"] == {"points": 2.5, "heatmap": 0.75}
    assert [phase["reason"] for phase in whole["phases"]] == ["started from scratch"]
    shown = commands.run("train", "status", "ours").stdout
    for wanted in ("points 2.5", "9.12 px of a 224 frame", "step 150 of 1500", "baseline head"):
        assert wanted in shown, shown


def test_errors_of_a_check_are_rounded_once_and_stored_as_they_are(
    commands: Commands, films: Path
) -> None:
    submit(commands, films, "--name", "ours")
    database, claim = claimed(commands, "ours")
    errors = {"error_px224": 5.3746, "best_px224": 4.3746, "ict_error": 0.05349}
    assert record_check(database, claim.owner, replace(CHECK, **errors))
    [row] = commands.json("train", "log", "ours")
    assert {name: row[name] for name in errors} == errors
    table = commands.run("train", "log", "ours").stdout.split()
    assert {"5.37", "4.37", "0.053"} <= set(table), table
    database.dispose()


def test_after_the_last_step_no_time_left_is_shown(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "ours")
    database, claim = claimed(commands, "ours")
    done = replace(CHECK, ordinal=5, step=1500, epoch=55.0, seconds_left=0.0)
    assert record_check(database, claim.owner, done)
    assert commands.json("train", "status")[0]["seconds_left"] is None
    assert "0 s" not in commands.run("train", "status").stdout
    assert "time left" not in commands.run("train", "status", "ours").stdout
    database.dispose()


def test_an_unresponsive_worker_is_named(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "ours")
    claimed(commands, "ours", lease_seconds=0.0)
    assert "training0@host is silent" in commands.run("train", "status", "ours").stderr


def test_a_run_is_cancelled_and_resumed(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "ours")
    assert commands.run("train", "cancel", "ours").stdout == "ours is cancelled\n"
    assert commands.run("train", "cancel", "ours").returncode == Exit.USAGE
    assert commands.run("train", "resume", "ours").stdout == "ours requeued\n"
    database, claim = claimed(commands, "ours")
    asked = commands.run("train", "cancel", "ours").stdout
    assert asked == "ours ends once training0@host has written a checkpoint\n"
    assert renew_run(database, claim.owner, 60.0).cancel_requested
    assert end_cancelled(database, claim.owner)
    assert find_run(database, "ours").state == "cancelled"


def test_following_ends_with_the_run_and_its_outcome(
    commands: Commands, films: Path, start: Start
) -> None:
    submit(commands, films, "--name", "ours", "--seeds", "2")
    for name, code in (("ours-s1", Exit.OK), ("ours-s2", Exit.UNTRAINED)):
        following = start("train", "status", name, "--follow")
        assert following.stderr is not None
        assert "no broker answers" in following.stderr.readline()
        database, claim = claimed(commands, name)
        record_check(database, claim.owner, CHECK)
        line = following.stderr.readline()
        assert line.startswith("baseline, 2 of 6: epoch 5.5 of 55.0  error 9.12 px"), line
        if code is Exit.OK:
            finish_run(database, claim.owner, None)
        else:
            fail_run(database, claim.owner, "data-missing", "the share is away")
        said, _ = following.communicate(timeout=PATIENCE_SECONDS)
        assert following.returncode == code
        assert ("the share is away" in said) == (code is Exit.UNTRAINED)


def test_interrupting_a_follower_does_not_affect_the_run(
    commands: Commands, films: Path, start: Start
) -> None:
    submit(commands, films, "--name", "ours")
    following = start("train", "status", "ours", "--follow")
    assert following.stderr is not None
    following.stderr.readline()
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=PATIENCE_SECONDS)
    assert following.returncode == Exit.INTERRUPTED
    assert find_run(opened(commands), "ours").state == "queued"


def test_phases_of_runs_are_compared(commands: Commands, films: Path) -> None:
    submit(commands, films, "--name", "ours", "--seeds", "2")
    for name, phases in (("ours-s1", [PHASE, WORSE]), ("ours-s2", [PHASE])):
        database, claim = claimed(commands, name)
        for phase in phases:
            record_phase(database, claim.owner, phase)
        finish_run(database, claim.owner, shipped_card().version)
    table = commands.run("train", "compare", "ours-s1", "ours-s2").stdout.splitlines()
    assert table[0].split() == ["phase", "ours-s1", "ours-s2"]
    assert table[1].split() == ["baseline", "head", "12.50", "kept", "12.50", "kept"]
    assert "12.75  +0.25 [-0.50, +1.00]  not kept" in table[2]
    assert table[2].endswith("-")
    assert table[3].startswith("network, test split")
    assert table[-1] == "ours-s1, baseline: not better: lower in 40 % of resamples"

    rows = commands.json("train", "compare", "ours-s1", "ours-s2")
    assert [(row["run"], row["phase"], row["kept"]) for row in rows] == [
        ("ours-s1", "baseline head", True),
        ("ours-s1", "baseline", False),
        ("ours-s2", "baseline head", True),
    ]
    assert (rows[1]["difference"], rows[1]["difference_low"]) == (0.25, -0.5)
    read = list(
        csv.DictReader(io.StringIO(commands.run("train", "compare", "ours-s1", "--csv").stdout))
    )
    assert [row["kept"] for row in read] == ["true", "false"]


def test_the_log_contains_every_check_and_every_part_of_the_loss(
    commands: Commands, films: Path
) -> None:
    submit(commands, films, "--name", "ours")
    assert "no evaluation yet" in commands.run("train", "log", "ours").stderr
    database, claim = claimed(commands, "ours")
    first = replace(CHECK, ordinal=0, phase_name="baseline head", loss_parts={"points": 4.0})
    for check in (first, CHECK):
        record_check(database, claim.owner, check)
    rows = commands.json("train", "log", "ours")
    assert [row["phase"] for row in rows] == ["baseline head", "baseline"]
    assert [row["loss_heatmap"] for row in rows] == [None, 0.75]
    said = commands.run("train", "log", "ours", "--csv").stdout
    assert [float(row["loss"]) for row in csv.DictReader(io.StringIO(said))] == [4.0, 3.25]


QUICK = """
check_every = 2
landmark_batch = 4
calliper_batch = 2
frontal_batch = 1
counterexample_batch = 1

[[phases]]
name = "head"
steps = 2
frozen_trunk = true

[[phases]]
name = "wing"
number = 1
points = "wing"
steps = 2
"""


def test_a_run_ends_as_a_network_that_can_be_promoted(
    tmp_path: Path, films: Path, start: Start
) -> None:
    """Train briefly with broker, upkeep, worker and torch."""
    commands = Commands(tmp_path / "state", {"THORAQ_UPKEEP_SECONDS": "0.5"})
    file = tmp_path / "quick.toml"
    file.write_text(QUICK, encoding="utf-8")
    submit(commands, films, "--name", "ours", "--run", str(file))
    up = start("up", "--device", "cpu", "--training", "--state", commands.state)
    following = start("train", "status", "ours", "--follow", "--state", commands.state)
    said, told = following.communicate(timeout=2 * PATIENCE_SECONDS)
    assert following.returncode == Exit.OK, told
    assert "ours: finished" in said
    phases = commands.json("train", "compare", "ours")
    assert [phase["phase"] for phase in phases] == ["head", "wing"]
    promoted = commands.run("models", "promote", "ours", "--force")
    assert promoted.stdout == f"promoted ours; before: {shipped_card().version}\n", promoted.stderr
    [shipped, ours] = commands.json("models", "list")
    assert (shipped["served"], ours["served"], ours["landmark_cases"]) == (False, True, 4)
    assert (commands.state / "models" / "ours" / "card.json").is_file()
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=PATIENCE_SECONDS)
