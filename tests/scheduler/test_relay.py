"""The relay sends committed chunks; the upkeep sends lost ones again."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from celery import Celery

from db.claims import claim_chunk
from db.database import Database, engine_of
from db.errors import DatabaseBusy
from db.intake import open_batch, record_files
from db.models import register_model
from db.outbox import unsent_chunks
from db.records import FileStat, SeenFile
from db.states import Priority
from db.training.claims import claim_run
from db.training.records import NewRun
from db.training.runs import find_run, open_run, unsent_runs
from radiograph.records import ImageFormat
from scheduler.app import create_app
from scheduler.errors import BrokerUnavailable
from scheduler.messages import ROUTINE_QUEUE, TRAINING_QUEUE, URGENT_QUEUE
from scheduler.relay import relay
from scheduler.upkeep import keep_up
from testbed.servers.redis import RedisServer


def queue_files(database: Database, count: int, priority: Priority = Priority.ROUTINE) -> None:
    batch = open_batch(database, f"batch {priority}", priority)
    files = [
        SeenFile(
            FileStat(f"/archive/{priority}/{number}", 1, 1),
            sha256=hashlib.sha256(f"{priority}{number}".encode()).hexdigest(),
            format=ImageFormat.PNG,
        )
        for number in range(count)
    ]
    record_files(database, batch, files, "test-1", 1)


def length(app: Celery, queue: str) -> int:
    with app.connection_for_read() as connection:
        found: int = connection.default_channel.client.llen(queue)
    return found


def test_committed_chunks_are_sent_once(served: Database, app: Celery) -> None:
    queue_files(served, 3)
    queue_files(served, 2, Priority.URGENT)
    assert relay(served, app) == 5
    assert relay(served, app) == 0
    assert (length(app, ROUTINE_QUEUE), length(app, URGENT_QUEUE)) == (3, 2)


def test_a_long_queue_waits_in_the_database_and_urgent_chunks_overtake_it(
    served: Database, app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.relay._WINDOW", 4)
    queue_files(served, 6)
    assert relay(served, app) == 4
    queue_files(served, 2, Priority.URGENT)
    assert relay(served, app) == 2
    assert (length(app, ROUTINE_QUEUE), length(app, URGENT_QUEUE)) == (4, 2)


def test_without_a_broker_nothing_is_marked_as_sent(
    sqlite_url: str, redis_server: RedisServer
) -> None:
    database = Database.open(sqlite_url)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    queue_files(database, 2)
    redis_server.kill()
    with create_app(redis_server.url) as app:
        with pytest.raises(BrokerUnavailable):
            relay(database, app)
        assert len(unsent_chunks(database, 10)) == 2
        redis_server.start()
        keep_up(database, app, 900.0)
        assert length(app, ROUTINE_QUEUE) == 2
    database.dispose()


@pytest.mark.parametrize("kind", ["chunks", "run"])
def test_chunks_that_the_broker_refuses_are_not_marked_as_sent(
    served: Database, app: Celery, kind: str
) -> None:
    assert relay(served, app) == 0  # from now on the broker has its mark
    if kind == "run":
        open_run(served, NewRun("night", "/films", {}))
    else:
        queue_files(served, 2)
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        client.config_set("maxmemory", 1)  # it answers, but stores no more
        with pytest.raises(BrokerUnavailable):
            relay(served, app)
        client.config_set("maxmemory", 0)
    waiting = len(unsent_chunks(served, 10)) + len(unsent_runs(served))
    assert waiting == (1 if kind == "run" else 2)
    assert relay(served, app) == waiting
    assert length(app, ROUTINE_QUEUE) + length(app, TRAINING_QUEUE) == waiting


def test_a_loss_during_a_database_failure_is_repaired_later(
    sqlite_url: str, app: Celery, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine._BUSY_TIMEOUT_MS", 100)
    database = Database.open(sqlite_url)
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    queue_files(database, 3)
    keep_up(database, app, 900.0)
    redis_server.flush()
    holding = engine_of(sqlite_url).execution_options(thoraq_writing=True)
    with holding.begin(), pytest.raises(DatabaseBusy):
        relay(database, app)
    holding.dispose()
    keep_up(database, app, 900.0)
    assert length(app, ROUTINE_QUEUE) == 3
    database.dispose()


def test_messages_lost_by_an_emptied_broker_are_sent_again_at_once(
    served: Database, app: Celery, redis_server: RedisServer
) -> None:
    queue_files(served, 3)
    keep_up(served, app, 900.0)
    assert claim_chunk(served, 1, "test", 60.0) is not None
    redis_server.flush()
    keep_up(served, app, 900.0)
    # The claimed chunk stays with its worker; the other two are in the queue again, once each.
    assert length(app, ROUTINE_QUEUE) == 2
    keep_up(served, app, 900.0)
    assert length(app, ROUTINE_QUEUE) == 2


def test_the_chunk_of_a_dead_worker_is_sent_again(served: Database, app: Celery) -> None:
    queue_files(served, 1)
    keep_up(served, app, 900.0)
    assert claim_chunk(served, 1, "dead", 0.0) is not None
    keep_up(served, app, 900.0)
    assert length(app, ROUTINE_QUEUE) == 2  # the dead worker's message and the new chunk's


def test_a_training_run_is_sent_once_by_its_id(database: Database, app: Celery) -> None:
    run = open_run(database, NewRun("night", "/films", {}))
    assert relay(database, app) == 1
    assert relay(database, app) == 0
    with app.connection_for_read() as connection:
        [raw] = connection.default_channel.client.lrange(TRAINING_QUEUE, 0, -1)
    args, kwargs, _ = json.loads(base64.b64decode(json.loads(raw)["body"]))
    assert (args, kwargs) == ([], {"run_id": run.id})


def test_a_run_in_a_long_queue_is_not_sent_again_until_its_message_is_lost(
    database: Database, app: Celery
) -> None:
    open_run(database, NewRun("night", "/films", {}))
    for _ in range(3):
        keep_up(database, app, 0.0)
    assert length(app, TRAINING_QUEUE) == 1
    with app.connection_for_write() as connection:
        connection.default_channel.client.delete(TRAINING_QUEUE)  # as if a worker died with it
    keep_up(database, app, 0.0)
    assert length(app, TRAINING_QUEUE) == 1


def test_runs_lost_by_an_emptied_broker_are_sent_again_at_once(
    database: Database, app: Celery, redis_server: RedisServer
) -> None:
    open_run(database, NewRun("night", "/films", {}))
    keep_up(database, app, 900.0)
    redis_server.flush()
    keep_up(database, app, 900.0)
    assert length(app, TRAINING_QUEUE) == 1


def test_the_run_of_a_dead_worker_is_sent_again(database: Database, app: Celery) -> None:
    run = open_run(database, NewRun("night", "/films", {}))
    keep_up(database, app, 900.0)
    assert claim_run(database, run.id, "dead", "cpu", 0.0) is not None
    keep_up(database, app, 900.0)
    assert length(app, TRAINING_QUEUE) == 2  # the dead worker's message and the new one
    assert find_run(database, "night").attempts == 1
