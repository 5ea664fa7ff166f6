"""``python -m worker`` reports why it cannot start."""

from __future__ import annotations

import subprocess
import sys

from scheduler.errors import MISCONFIGURED


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker", *options], capture_output=True, text=True, check=False
    )


def test_a_missing_device_is_reported_with_an_exit_code_against_restarts() -> None:
    ran = run("--device", "cuda:99")
    assert ran.returncode == MISCONFIGURED
    assert ran.stderr.startswith("device-missing: cuda:99")
    assert "thoraq doctor" in ran.stderr


def test_help_explains_the_devices() -> None:
    assert "cuda:N" in run("--help").stdout
