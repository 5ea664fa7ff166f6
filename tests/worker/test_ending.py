"""Whoever is asked to stop ends, also while the broker is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.chaos.proxy import Proxy
from tests.servers.redis import RedisServer
from tests.worker.conftest import eventually, gone

HURRIED = "from scheduler import stopping; stopping.LONGEST_SECONDS = 2.0; "
WORKER = ["--device", "cpu", "--name", "cpu0", "--queues", "measure", "--readers", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("member", ["worker.serve", "scheduler.__main__"])
def test_whoever_waits_for_a_broker_that_went_away_can_be_stopped(
    member: str, redis_server: RedisServer, sqlite_url: str, tmp_path: Path
) -> None:
    said = tmp_path / "log"
    program = f"{HURRIED}from {member} import main; main()"
    with Proxy(redis_server.port) as broker, said.open("wb") as log:
        environment = {
            **os.environ,  # noqa: TID251 - the edge of a process of this test
            "THORAQ_STATE": str(tmp_path),
            "THORAQ_DATABASE_URL": sqlite_url,
            "THORAQ_BROKER_URL": f"redis://127.0.0.1:{broker.port}/0",
        }
        # Slow enough to lose the broker between Celery's connection and its word to be online.
        broker.delay(0.3)
        process = subprocess.Popen(
            [sys.executable, "-c", program, *WORKER], env=environment, stdout=log, stderr=log
        )
        family = psutil.Process(process.pid)
        try:
            assert eventually(lambda: b"Connected to" in said.read_bytes()), said.read_text()
            broker.refuse(refusing=True)
            children = family.children(recursive=True)
            assert children
            process.send_signal(signal.SIGTERM)
            assert eventually(lambda: process.poll() is not None), said.read_text()
            assert eventually(lambda: all(gone(child) for child in children))
        finally:
            process.kill()
            process.wait()
