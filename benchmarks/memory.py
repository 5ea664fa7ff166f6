"""Whether the memory of any process grows with the archive: ``python -m benchmarks.memory``.

`thoraq process` processes folders with more and more files, all links to the same few radiographs,
so that only the number of files differs. The memory of every process of the stack is monitored; the
table shows the peak of each kind of process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.archives import Kind, write_archives
from benchmarks.bench.load import is_forked
from db.database import Database
from db.query.status import all_statuses
from scheduler.cores import usable_cores
from scheduler.settings import Settings, child_environment

_LOOK_SECONDS = 0.2
_A_FOLDER = 1000
_ROLES = {
    "cli": "process",
    "scheduler": "upkeep",
    "worker.serve": "worker",
    "worker.readers.reader": "reader",
}


def link(originals: Path, folder: Path, count: int) -> None:
    """Link ``count`` files to the originals, in turn."""
    sources = sorted(originals.iterdir())
    for number in range(count):
        below = folder / f"{number // _A_FOLDER:04}"
        if number % _A_FOLDER == 0:
            below.mkdir(parents=True)
        source = sources[number % len(sources)]
        os.link(source, below / f"{number:07}{source.suffix}")


def role(process: psutil.Process) -> str:
    """Return the role of a process by its command; a worker and its child are different roles."""
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    name = _ROLES.get(module, module)
    return f"{name}, its child" if is_forked(process) else name


def measured(folder: Path, state: Path) -> tuple[dict[str, float], float]:
    """Measure a folder; return the peaks, in MB by role, and the seconds. Raises RuntimeError."""
    settings = Settings(state=state, database_url=None, broker_url=None)
    command = [sys.executable, "-m", "cli", "process", str(folder), "--state", str(state)]
    began = time.monotonic()
    peaks: dict[str, float] = {}
    with (state.parent / f"{state.name}.log").open("wb") as log:
        running = subprocess.Popen(
            command, env=child_environment(settings), stdout=log, stderr=subprocess.STDOUT
        )
        while running.poll() is None:
            for name, megabytes in look(running.pid):
                peaks[name] = max(peaks.get(name, 0.0), megabytes)
            time.sleep(_LOOK_SECONDS)
    if running.returncode != 0:
        raise RuntimeError(f"process exits {running.returncode}: {Path(log.name).read_text()}")
    return peaks, time.monotonic() - began


def look(pid: int) -> list[tuple[str, float]]:
    """Return the peak memory of each process of the stack so far, in MB."""
    found = []
    try:
        top = psutil.Process(pid)
        for each in (top, *top.children(recursive=True)):
            try:
                found.append((role(each), most_held(each.pid)))
            except (psutil.Error, OSError, IndexError, ValueError):
                continue  # it has just ended, or has just been forked
    except psutil.NoSuchProcess:
        pass
    return found


def most_held(pid: int) -> float:
    """Return a process's peak memory in MB, from Linux. Raises OSError, ValueError."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peak) / 1024


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--count", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--originals", type=int, default=400)
    asked = parser.parse_args()
    peaks: list[dict[str, float]] = []
    seconds = []
    with tempfile.TemporaryDirectory(prefix="thoraq-memory-") as place:
        write_archives(Path(place), asked.originals, [Kind.PNG], usable_cores())
        for count in asked.count:
            folder, state = Path(place) / f"files-{count}", Path(place) / f"state-{count}"
            link(Path(place) / Kind.PNG, folder, count)
            sys.stderr.write(f"{count} files\n")
            of, took = measured(folder, state)
            check(state, count, asked.originals)
            peaks.append(of)
            seconds.append(took)
    heads = " | ".join(f"{count:,} files, MB" for count in asked.count)
    print(f"| process | {heads} | ratio |")  # noqa: T201
    print(f"|---|{'---|' * len(asked.count)}---|")  # noqa: T201
    for name in sorted(set.intersection(*map(set, peaks)) - {"python"}):
        held = [of.get(name, 0.0) for of in peaks]
        cells = " | ".join(f"{each:.0f}" for each in held)
        print(f"| {name} | {cells} | {held[-1] / held[0]:.2f} |")  # noqa: T201
    print(f"\nseconds: {', '.join(f'{each:.0f}' for each in seconds)}")  # noqa: T201


def check(state: Path, count: int, originals: int) -> None:
    """Check that every file was recorded. Raises RuntimeError."""
    database = Database.open(Settings(state=state, database_url=None).database)
    [status] = all_statuses(database)
    database.dispose()
    if (status.seen, status.duplicates, status.open) != (count, count - originals, 0):
        raise RuntimeError(f"{status}")


if __name__ == "__main__":
    main()
