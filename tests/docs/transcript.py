"""Command blocks of the pages: each is run, and its output compared or updated.

A block is a fence that opens with ``console``; every line that starts with ``$ thoraq`` is a
command, and the lines up to the next are its output. The commands of all pages run in sequence in a
folder that the pages call ``/srv``, with the archive in ``/srv/archive`` and the state in
``/srv/thoraq``. The first command measures the archive; it may be in several pages but runs once.
Output that differs between runs or machines is masked: figures, digests, and with ``console rows``
everything but the heading. ``console last`` shows only the last paragraph.
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scheduler.names import batch_name
from scheduler.settings import process_environment
from testbed.landmark_set import write_landmark_set
from testbed.networks import make_network

FENCE = re.compile(r"^```console([^\n]*)\n(\$ thoraq .*?)^```$", re.DOTALL | re.MULTILINE)
SEED = "42"
COUNT = "40"
#: The first command of the first page, which measures the archive.
FIRST = "thoraq process /srv/archive"


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block and its output.

    ``mode``: ``rows`` to compare only the heading, ``last`` to show only the last paragraph, else
    empty.
    """

    command: str
    output: str
    mode: str


@dataclass(frozen=True, slots=True)
class World:
    """The folder in which the commands run."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        return process_environment() | {
            "THORAQ_STATE": str(self.folder / "thoraq"),
            "COLUMNS": "100",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def make_archive(self) -> None:
        """Write the archive of the pages."""
        command = ["-m", "radiograph.phantom", "archive", "--count", COUNT, "--seed", SEED]
        subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def make_network(self) -> None:
        """Write the network registered in the pages."""
        make_network(self.folder / "our-own", "our-own")

    def make_radiographs(self) -> None:
        """Write the annotated radiographs of the training pages."""
        write_landmark_set(self.folder / "annotated")

    def run(self, command: str) -> str:
        """Run one command; return its output, with /srv for the folder."""
        words = shlex.split(command.replace("/srv", str(self.folder)))
        ran = subprocess.run(
            [sys.executable, "-m", "cli", *words[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        text = ran.stdout + (ran.stderr if ran.returncode else "")
        here, there = self.folder / "archive", Path("/srv/archive")
        text = text.replace(batch_name([here]), batch_name([there]))
        text = text.replace(f"@{socket.gethostname()}", "@host")
        return text.replace(str(self.folder.resolve()), "/srv").replace(str(self.folder), "/srv")


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a page in order, except requests for help."""
    for fence in FENCE.finditer(page):
        if not asks_for_help(fence):
            yield from steps_of(fence)


def steps_of(fence: re.Match[str]) -> Iterator[Step]:
    """Yield the commands of one block."""
    for part in re.split(r"^\$ ", fence[2], flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Step(command, output, fence[1].strip())


def shown(output: str, mode: str) -> str:
    """Return the part of an output that a page shows."""
    return output.rpartition("\n\n")[2] if mode == "last" else output


def asks_for_help(fence: re.Match[str]) -> bool:
    """Return whether a block shows help, which is generated from the code."""
    return "--help" in fence[2].partition("\n")[0]


def masked(output: str, mode: str) -> list[str]:
    """Return the lines of an output with variable parts masked."""
    lines = [line for line in shown(output, mode).splitlines() if line.strip()]
    if mode == "rows":
        lines = lines[:1]
    found = []
    for line in lines:
        text = re.sub(r"-[0-9a-f]{8}\b", "-#", line)
        text = re.sub(r"\b[0-9a-f]{16,64}\b", "#", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:+.]+", "#", text)
        text = re.sub(r"\d+ h \d+ min|\d+ min|\d+ s\b", "#", text)
        text = re.sub(r"\d+(\.\d+)*", "#", text)
        text = text.replace("█", "")
        found.append(" ".join(text.split()))
    return found


class Transcript:
    """Runs the commands of all pages in one world."""

    def __init__(self, world: World, first_printed: str | None = None) -> None:
        """Set the world; ``first_printed``: output of the first command, if it already ran."""
        self._world = world
        self._first_printed = first_printed

    def printed(self, step: Step) -> str:
        """Return the output of a command; the first one is run only once."""
        if step.command != FIRST or step.mode == "last":
            return self._world.run(step.command)
        if self._first_printed is None:
            self._first_printed = self._world.run(FIRST)
        return self._first_printed

    def renewed(self, page: str) -> str:
        """Return a page with the current output of every block."""

        def run_block(fence: re.Match[str]) -> str:
            if asks_for_help(fence):
                return fence[0]
            ran = [
                f"$ {step.command}\n{shown(self.printed(step), step.mode)}"
                for step in steps_of(fence)
            ]
            return f"```console{fence[1]}\n{''.join(ran)}```"

        return FENCE.sub(run_block, page)
