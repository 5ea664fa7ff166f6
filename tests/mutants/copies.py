"""A copy of the project in which faults are applied and tested with pytest.

``PYTHONPATH`` makes tests and their processes import the copy, not the installed package.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scheduler.settings import process_environment
from tests.house.conftest import ROOT, walk

#: A test that takes longer waits for an event that the fault prevents.
_LONGEST_TEST_SECONDS = 90
_LONGEST_RUN_SECONDS = 600.0


class ForeignImports(Exception):
    """Tests would not import the project from the copy; check PYTHONPATH."""


class Ran(NamedTuple):
    """Result of pytest: its exit code, None if it was stopped, and the end of its output."""

    code: int | None
    output: str


class ProjectCopy:
    """One copy, used by one test process at a time."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
        for path in walk(ROOT, patterns):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        self._changes = itertools.count(1)

    def check_imports(self) -> None:
        """Check that a new process imports the copy, in any folder. Raises ForeignImports."""
        script = "import cli, db, radiograph, worker; print(cli.__file__, db.__file__, end='')"
        ran = subprocess.run(
            [sys.executable, "-c", script],
            cwd="/",
            env=self._environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        if ran.stdout != f"{self.root / 'cli/__init__.py'} {self.root / 'db/__init__.py'}":
            raise ForeignImports(f"{ran.stdout}: {ForeignImports.__doc__}")

    def run(self, tests: Sequence[str], text: str | None = None, file: str = "") -> Ran:
        """Run tests until one fails, with ``text`` as the content of ``file``, if given."""
        if text is None:
            return self._pytest(tests)
        path = self.root / file
        original, found = path.read_bytes(), path.stat()
        try:
            path.write_text(text, encoding="utf-8")
            # Python identifies compiled modules by the size and mtime, in seconds, of the source.
            second = int(found.st_mtime) + next(self._changes)
            os.utime(path, (second, second))
            return self._pytest(tests)
        finally:
            path.write_bytes(original)
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _pytest(self, tests: Sequence[str]) -> Ran:
        command = [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
            *("-p", "pytest_timeout", f"--timeout={_LONGEST_TEST_SECONDS}", *tests),
        ]
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as running:
            try:
                output, _ = running.communicate(timeout=_LONGEST_RUN_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                output, _ = running.communicate()
                return Ran(None, output)
        return Ran(running.returncode, output)

    def _environment(self) -> dict[str, str]:
        beside = str(Path(sys.executable).parent)
        environment = process_environment()
        # Without the settings of the tests that call this one.
        for name in [each for each in environment if each.startswith(("THORAQ_", "PYTEST_"))]:
            del environment[name]
        return environment | {
            "PYTHONPATH": str(self.root),
            "PATH": f"{beside}{os.pathsep}{environment.get('PATH', '')}",
            "OMP_NUM_THREADS": "1",
            # Loading unused plugins takes half the time of a single test.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
