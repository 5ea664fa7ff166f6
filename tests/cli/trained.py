"""Training runs as left by a worker, for tests of the commands on them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from cli.exits import Exit
from db.database import Database
from db.training.claims import claim_run
from db.training.records import RunCheck, RunClaim, RunPhase
from db.training.runs import find_run
from testbed.commands import Commands

CHECK = RunCheck(
    ordinal=1,
    phase=0,
    phase_name="baseline",
    step=150,
    steps=1500,
    epoch=5.5,
    epochs=55.0,
    seconds=100.0,
    seconds_left=7200.0,
    loss_parts={"points": 2.5, "heatmap": 0.75},
    error_px224=9.125,
    ict_error=0.031,
    best_px224=9.0,
    learning_rate=0.001,
)
PHASE = RunPhase(
    ordinal=0,
    phase=0,
    phase_name="baseline head",
    kept=True,
    reason="started from scratch",
    error_px224=12.5,
    start_px224=None,
    difference_low=None,
    difference_high=None,
    ict_error=0.05,
    steps=200,
    seconds=60.0,
    figures={},
)
WORSE = replace(
    PHASE,
    ordinal=1,
    phase_name="baseline",
    kept=False,
    reason="not better: lower in 40 % of resamples",
    error_px224=12.75,
    start_px224=12.5,
    difference_low=-0.5,
    difference_high=1.0,
)


def opened(commands: Commands) -> Database:
    return Database.open(f"sqlite:///{commands.state / 'thoraq.db'}")


def claimed(
    commands: Commands, name: str, lease_seconds: float = 60.0
) -> tuple[Database, RunClaim]:
    """Claim a run as a training worker does."""
    database = opened(commands)
    claim = claim_run(database, find_run(database, name).id, "training0@host", "cpu", lease_seconds)
    assert claim is not None
    return database, claim


def submit(commands: Commands, films: Path, *words: str) -> subprocess.CompletedProcess[str]:
    ran = commands.run("train", "submit", "--data", films, *words)
    assert ran.returncode == Exit.OK, ran.stderr
    return ran
