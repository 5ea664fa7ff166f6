"""A worker's log lines include batch and chunk, and its log is rotated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from db.intake import open_batch
from db.states import Priority
from scheduler.intake.submission import enqueue
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench

#: A malicious batch name.
NAME = 'ward 7 <b>"\x1b[2J'


def lines(bench: Bench) -> list[dict[str, Any]]:
    """Return the lines of the worker's log."""
    return [json.loads(line) for line in bench.log().splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_log_lines_have_batch_and_chunk_and_the_log_is_rotated(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"log_mb": 1})
    write_radiographs(bench.archive, 5)
    (bench.archive / "0-9999.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    logs = bench.settings.state / "logs"
    logs.mkdir()
    (logs / "cpu0.log").write_text("of the night before\n" * 60_000)
    with bench.stack() as stack:
        batch = open_batch(bench.database, NAME, Priority.ROUTINE)
        enqueue(bench.database, [bench.archive], batch, bench.settings, app=stack.app)

        def ended() -> bool:
            stack.tend()
            return sum(each["event"] == "chunk" for each in lines(bench)) == 2

        assert eventually(ended, 90), bench.log()
    assert (logs / "cpu0.log.1").read_text().startswith("of the night before")
    assert "of the night before" not in bench.log()
    of_work = [each for each in lines(bench) if each["event"] in ("chunk", "not measured")]
    assert {each["batch"] for each in of_work} == {NAME}
    assert len({each["chunk"] for each in of_work}) == 2
    [refused] = [each for each in of_work if each["event"] == "not measured"]
    assert refused["job"] > 0
    assert refused["radiograph"] > 0
    counted = [each for each in of_work if each["event"] == "chunk"]
    assert sum(each["measured"] for each in counted) == 5
    assert sum(each["failed"] + each["set_aside"] for each in counted) == 1
    # In this order, so that grep finds them.
    assert '"event": "chunk", "batch": "ward 7 <b>\\"\\u001b[2J", "chunk": ' in bench.log()
    assert "0-9999" not in bench.log()
    everything = "".join(each.read_text() for each in logs.glob("*.log*"))
    assert "superuser" not in everything
