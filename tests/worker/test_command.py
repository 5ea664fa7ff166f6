"""``python -m worker`` says what keeps it from starting."""

from __future__ import annotations

import subprocess
import sys

from scheduler.errors import MISCONFIGURED


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker", *options], capture_output=True, text=True, check=False
    )


def test_a_device_that_is_not_there_is_told_and_starting_again_is_no_use() -> None:
    ran = run("--device", "cuda:99")
    assert ran.returncode == MISCONFIGURED
    assert ran.stderr.startswith("device-missing: cuda:99")
    assert "thoraq doctor" in ran.stderr


def test_its_options_are_told() -> None:
    assert "cuda:N" in run("--help").stdout
