"""Running thoraq's commands as processes on a state folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scheduler.settings import process_environment
from testbed.checkout import ROOT
from testbed.processes import ending_with_us

PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs thoraq's commands as processes on one state folder."""

    state: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        return {
            **process_environment(),
            "THORAQ_STATE": str(self.state),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            **self.extra,
        }

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def module(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of our modules to its end."""
        return subprocess.run(
            [sys.executable, "-m", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def json(self, *words: str | Path) -> Any:
        """Run a command with --json; return its output."""
        ran = self.run(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command; it ends with the test run."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, words)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=ending_with_us(signal.SIGTERM),  # noqa: PLW1509 - see there
        )
