"""PostgreSQL fails over, or is read-only for a while, during a batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from db import schema
from db.database import Database
from db.errors import DatabaseReadOnly
from db.query.status import batch_status
from scheduler.intake.watch import Watch
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from testbed.servers.postgres import PostgresServer, replicated
from tests.chaos import witness
from tests.worker.conftest import Bench, made_bench

FILES = 24


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, PostgresServer, str]]:
    """Return a primary, its standby, and the URL of a witnessed database on the writable one."""

    def prepare(url: str) -> None:
        schema.upgrade(url)
        database = Database.open(url)
        witness.call_witness(database)
        database.dispose()

    with replicated(prepare) as made:
        yield made


@pytest.mark.slow
def test_a_failover_during_a_batch_loses_and_repeats_nothing(
    pair: tuple[PostgresServer, PostgresServer, str], redis_url: str, tmp_path: Path
) -> None:
    primary, standby, url = pair
    with made_bench(url, redis_url, tmp_path) as bench:
        write_radiographs(bench.archive, FILES)
        with bench.stack() as stack:
            bench.submit(stack)
            assert eventually(lambda: bench.status().measured > 0)
            primary.kill()
            measured_before = eventually(lambda: bench.log().count("waiting for the database"))
            standby.promote()
            ledger = bench.finish(stack)
            restarts = sum(each.restarts for each in stack.members)
        assert measured_before, "the batch was over before the failover"
        assert (ledger.seen, ledger.measured, ledger.open) == (FILES, FILES, 0)
        said = witness.testify(bench.database)
        assert (said.twice, said.unexplained, len(said.results)) == (0, 0, FILES)
        assert restarts == 0
        assert "fault of thoraq" not in bench.log() + bench.log("upkeep")


@pytest.mark.slow
def test_a_read_only_primary_is_reported_and_waited_for_by_every_process(
    postgres_server: PostgresServer, postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    with made_bench(postgres_url, redis_url, tmp_path) as bench:
        witness.call_witness(bench.database)
        write_radiographs(bench.archive, FILES)
        stop = threading.Event()
        watching = threading.Thread(target=watch_of(bench).run, args=(stop,))
        try:
            with bench.stack() as stack, capture_logs() as logs:
                watching.start()
                assert eventually(lambda: measured(bench) > 0)
                postgres_server.configure("default_transaction_read_only", "on")
                write_radiographs(bench.archive, FILES, seed=1)
                for name in ("cpu0", "upkeep"):
                    assert eventually(lambda name=name: DatabaseReadOnly.code in bench.log(name))
                waits = {"event": "waiting for the database", "code": DatabaseReadOnly.code}
                assert eventually(lambda: any(waits.items() <= line.items() for line in logs))
                assert watching.is_alive()
                postgres_server.configure("default_transaction_read_only", "off")
                deadline = time.monotonic() + 90
                while measured(bench) < 2 * FILES and time.monotonic() < deadline:
                    stack.tend()
                    time.sleep(0.05)
                restarts = sum(each.restarts for each in stack.members)
        finally:
            postgres_server.configure("default_transaction_read_only", "off")
            stop.set()
            watching.join()
        said = witness.testify(bench.database)
        assert (said.twice, said.unexplained, len(said.results)) == (0, 0, 2 * FILES)
        assert restarts == 0
        assert "fault of thoraq" not in bench.log() + bench.log("upkeep")


def watch_of(bench: Bench) -> Watch:
    """Return a watch of the archive with short intervals."""
    quick = bench.settings.model_copy(update={"watch_seconds": 0.1, "settle_seconds": 0.1})
    return Watch(bench.database, bench.archive, quick, batch="routine")


def measured(bench: Bench) -> int:
    """Return how many files of the watch are measured."""
    return batch_status(bench.database, "routine").measured
