"""A watched folder: files arrive, are measured and moved, although the watch is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.query.results import file_outcomes
from db.query.status import batch_status
from db.states import JobState
from scheduler.settings import child_environment
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench

pytestmark = pytest.mark.slow

FILES = 40


def start_watch(bench: Bench, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command as an operator does."""
    settings = bench.settings.model_copy(update={"watch_seconds": 0.1, "settle_seconds": 0.3})
    with (bench.settings.state / "watch.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "watch", str(folder), "--batch", "w", "--after", "move"],
            env=child_environment(settings),
            stdout=log,
            stderr=log,
        )


def put_away(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("done/**/*.png"))


def test_a_repeatedly_killed_watch_records_and_moves_every_radiograph_once(
    bench: Bench, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "study").mkdir(parents=True)
    write_radiographs(tmp_path / "sent", FILES)
    with bench.stack() as stack:
        watch = start_watch(bench, inbox)
        for number, sent in enumerate(sorted((tmp_path / "sent").iterdir())):
            place = inbox / "study" if number % 2 else inbox
            # Slowly, one file at a time; the sender does not notice what happens to the watch.
            (place / f".{sent.name}").write_bytes(sent.read_bytes())
            (place / f".{sent.name}").rename(place / sent.name)
            time.sleep(0.15)
            if number % 10 == 9:
                watch.kill()
                watch.wait()
                watch = start_watch(bench, inbox)
        try:
            assert eventually(lambda: len(put_away(inbox)) == FILES, 90), bench.log()
        finally:
            watch.terminate()
            assert watch.wait(30) == 0
        stack.tend()
    status = batch_status(bench.database, "w")
    assert (status.seen, status.measured, status.duplicates) == (FILES, FILES, 0)
    outcomes = list(file_outcomes(bench.database))
    assert {each.state for each in outcomes} == {JobState.MEASURED}
    assert sorted(each.path for each in outcomes) == sorted(
        str(each) for each in inbox.glob("done/**/*.png")
    )
    assert not [each for each in os.scandir(inbox) if each.is_file()]
