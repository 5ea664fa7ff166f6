"""A process that is asked to stop ends, even where Celery would wait without end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import billiard
import psutil
import pytest
from billiard import pool

from scheduler.process_end import RESULT_SECONDS, end_in_time
from testbed.patience import eventually, gone

# Like Celery when it sends a heartbeat to an unavailable broker: it does not check for a stop.
PROGRAM = """
import time
from celery import signals
from scheduler import process_end

def wait_without_end(**_):
    print("waits", flush=True)
    while True:
        time.sleep(1)

process_end.LONGEST_SECONDS = 2.0
signals.worker_ready.connect(wait_without_end)
from {member} import main
main()
"""
WORKER = ["--device", "cpu", "--name", "cpu0", "--queues", "measure", "--readers", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("member", ["worker.serve", "scheduler.__main__"])
def test_a_process_that_waits_without_end_can_be_stopped(
    member: str, redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,  # noqa: TID251 - the edge of a process of this test
        "THORAQ_STATE": str(tmp_path),
        "THORAQ_DATABASE_URL": sqlite_url,
        "THORAQ_BROKER_URL": redis_url,
    }
    said = tmp_path / "log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(member=member), *WORKER],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        assert eventually(lambda: b"waits" in said.read_bytes()), said.read_text()
        children = psutil.Process(process.pid).children(recursive=True)
        assert children  # the measuring child, or the timetable
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGALRM
        assert eventually(lambda: all(gone(child) for child in children))
    finally:
        process.kill()
        process.wait()


def test_a_child_does_not_wait_long_for_a_parent_that_accepts_no_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Celery's child would wait as long as a stack waits before it kills.
    monkeypatch.setattr(pool, "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT", 300)
    waited: list[float] = []
    monkeypatch.setattr(pool.time, "sleep", waited.append)
    end_in_time()
    queue = billiard.SimpleQueue()
    child = pool.Worker(queue, queue, on_ready_counter=billiard.Value("i", 0))
    assert not child._ensure_messages_consumed(completed=1)
    assert sum(waited) == pytest.approx(RESULT_SECONDS)
