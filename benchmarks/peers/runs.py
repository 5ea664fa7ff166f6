"""Running thoraq, or a peer, and reading its rows."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.errors import PeerFailed
from db.database import Database
from db.query.results import find_results
from db.query.status import all_statuses
from db.records import ResultFilter
from scheduler.settings import Settings, child_environment
from worker.device_batch import CPU_DEVICE_BATCH

_ROOT = Path(__file__).parents[2]
#: Images per forward pass, as in thoraq; also the number that warms up each worker of a peer.
BATCH = CPU_DEVICE_BATCH


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run.

    ``icts`` by file name; ``seconds`` from the first file taken to the last row written;
    ``whole_seconds`` from the start to the end of the command.
    """

    icts: dict[str, float]
    seconds: float
    whole_seconds: float


def run_thoraq(archive: Path, place: Path) -> Run:
    """Measure with `thoraq process` in a separate state folder. Raises PeerFailed."""
    state = place / "state"
    settings = Settings(state=state, database_url=None, broker_url=None)
    whole = _run(
        ["cli", "process", str(archive), "--state", str(state), "--json"],
        settings,
        place,
    )
    database = Database.open(settings.database)
    [status] = all_statuses(database)
    icts = {
        Path(found.path).name: found.measurement.ict.value
        for found in find_results(database, ResultFilter())
    }
    database.dispose()
    taken, settled = status.first_claimed_at, status.last_settled_at
    if taken is None or settled is None:
        raise PeerFailed("thoraq took no file")
    return Run(icts, (settled - taken).total_seconds(), whole)


def run_peer(module: str, archive: Path, place: Path, cores: int) -> Run:
    """Measure with a peer. Raises PeerFailed."""
    paths = sorted(str(path) for path in archive.iterdir())
    step = max(1, len(paths) // BATCH)
    rows, times, order = place / "rows.csv", place / "times.json", place / "order.json"
    order.write_text(
        json.dumps(
            {
                "cores": cores,
                "batch": BATCH,
                "sample": paths[::step][:BATCH],
                "paths": paths,
                "rows": str(rows),
                "times": str(times),
            }
        )
    )
    whole = _run(["benchmarks.peers.single_run", module, str(order)], Settings(), place)
    with rows.open(newline="") as stream:
        icts = {
            Path(row["path"]).name: float(row["ict"])
            for row in csv.DictReader(stream)
            if not row["code"]
        }
    clock = json.loads(times.read_text())
    return Run(icts, clock["last"] - clock["first"], whole)


def _run(command: Sequence[str], settings: Settings, place: Path) -> float:
    """Run a module to its end; return its seconds. Raises PeerFailed."""
    log = place / "log"
    environment = child_environment(settings) | {"PYTHONPATH": str(_ROOT)}
    began = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        code = process.wait()
        seconds = time.monotonic() - began
    finally:
        # Processes it left behind would slow down the next engine.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code != 0:
        lines = log.read_text(errors="replace").strip().splitlines()[-20:]
        raise PeerFailed("\n".join([f"{' '.join(command[:2])} exits {code}", *lines]))
    return seconds
