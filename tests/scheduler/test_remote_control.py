"""Workers answer queries through the broker, but ignore commands unless a setting allows them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.worker.control import Panel
from redis import Redis

from scheduler.app import create_app
from scheduler.messages import MEASURE, ROUTINE_QUEUE, TASK_QUEUES
from scheduler.queue_listeners import workers_of
from testbed.forgeries import ABSENT, SECRET, VALUES, encoded, garbage, sound
from testbed.patience import eventually
from testbed.servers.redis import RedisServer
from tests.scheduler.serving import Serving, serving

CHANNEL = "/0.celery.pidbox"
QUESTIONS = (
    *("active", "active_queues", "conf", "ping", "registered", "reserved", "revoked", "scheduled"),
    *("stats", "dump_active", "dump_conf", "dump_reserved", "dump_schedule", "dump_tasks"),
)
#: Commands that change nothing.
HARMLESS = {*QUESTIONS, "dump_revoked", "enable_events", "heartbeat", "query_task"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "add_consumer": {"queue": SECRET},
    "autoscale": {"max": 9, "min": 9},
    "cancel_consumer": {"queue": ROUTINE_QUEUE},
    "election": {"id": "1", "topic": SECRET},
    "hello": {"from_node": SECRET, "revoked": [SECRET]},
    "pool_grow": {"n": 1},
    "pool_shrink": {"n": 1},
    "rate_limit": {"task_name": MEASURE, "rate_limit": "1/h"},
    "revoke": {"task_id": sound()["headers"]["id"], "terminate": True},
    "revoke_by_stamped_headers": {"headers": {SECRET: SECRET}},
    "terminate": {"task_id": sound()["headers"]["id"], "signal": "KILL"},
    "time_limit": {"task_name": MEASURE, "soft": 1e-6, "hard": 1e-6},
}


def ask(app: Celery, command: str, **arguments: Any) -> dict[str, Any]:
    """Send a command to every worker and return the answer of the only one."""
    answers = app.control.broadcast(command, arguments=arguments, reply=True, timeout=5, limit=1)
    [answer] = answers or [{"nobody": None}]
    [said] = answer.values()
    return dict(said) if isinstance(said, dict) else {"said": said}


def measures(worker: Serving, chunk_id: int) -> bool:
    worker.client.lpush(ROUTINE_QUEUE, json.dumps(sound(MEASURE, chunk_id)))
    return eventually(lambda: f"chunk {chunk_id}" in worker.served() or not worker.runs(), 20)


def queues_of(app: Celery) -> list[str]:
    return [each["name"] for each in ask(app, "active_queues")["said"]]


@pytest.fixture
def guarded(redis_server: RedisServer) -> str:
    """Return a broker with a password."""
    with Redis(port=redis_server.port) as client:
        client.config_set("requirepass", SECRET)
    return redis_server.url.replace("redis://", f"redis://:{SECRET}@")


def test_a_worker_answers_queries_and_reveals_no_password(guarded: str, tmp_path: Path) -> None:
    app = create_app(guarded)
    with serving(guarded, tmp_path / "log") as worker:
        for question in QUESTIONS:
            said = ask(app, question)
            assert "error" not in said, question
            assert SECRET not in json.dumps(said), question
        conf = ask(app, "conf", with_defaults=True)
        assert conf["task_acks_late"]
        assert not [name for name in conf if name.startswith("broker")]
        assert ask(app, "stats")["broker"].keys() <= {"transport", "port", "virtual_host"}
        assert ask(app, "registered", taskinfoitems=["app"])["said"] != []
        assert workers_of(guarded, ROUTINE_QUEUE) == workers_of(guarded, TASK_QUEUES[-1]) != []
        assert "task events" in ask(app, "enable_events")["ok"]
        assert SECRET not in worker.log()
    app.close()


def test_a_worker_ignores_commands_that_change_something(
    redis_url: str, app: Celery, tmp_path: Path
) -> None:
    with serving(redis_url, tmp_path / "log") as worker:
        before = ask(app, "stats")["pool"]["max-concurrency"], queues_of(app)
        commands = [*(Panel.data.keys() - HARMLESS), "no_such_command"]
        assert {"shutdown", "cancel_consumer", "pool_restart", *ARGUMENTS} <= set(commands)
        for command in commands:
            said = ask(app, command, **ARGUMENTS.get(command, {}))
            assert "control-refused" in said["error"], command
        assert worker.log().count('"control-refused"') == len(commands)
        assert (ask(app, "stats")["pool"]["max-concurrency"], queues_of(app)) == before
        assert ask(app, "revoked") == {"said": []}
        assert measures(worker, 10), worker.log()
        assert measures(worker, 11), worker.log()  # the rate is not limited
        assert worker.runs()
    assert SECRET not in worker.log()
    assert "Traceback" not in worker.log()


def commands() -> Iterator[str]:
    """Yield every field of a command with every value."""
    reply = {"exchange": "reply.celery.pidbox", "routing_key": str(uuid4())}
    order = {"method": "ping", "arguments": {}, "reply_to": reply, "ticket": str(uuid4())}
    fields = ("method", "arguments", "destination", "pattern", "matcher", "reply_to", "ticket")
    bodies: list[object] = list(VALUES[1:])
    for name, value in itertools.product(fields, VALUES):
        bodies.append({key: each for key, each in order.items() if key != name})
        if value is not ABSENT:
            bodies.append(order | {name: value})
    for name, value in itertools.product(("exchange", "routing_key"), VALUES[1:]):
        bodies.append(order | {"reply_to": reply | {name: value}})
    bodies.append(order | {"reply_to": {"exchange": "", "routing_key": ROUTINE_QUEUE}})
    bodies.append(order | {"pattern": "(a+)+$" * 9, "matcher": "pcre"})
    for body in bodies:
        yield json.dumps(sound() | {"body": encoded(body), "headers": {"clock": 1, "expires": 0}})
    for clock in VALUES[1:]:
        yield json.dumps(sound() | {"body": encoded(order), "headers": {"clock": clock}})


def test_no_forged_command_ends_a_worker_or_writes_into_a_queue(
    redis_url: str, app: Celery, tmp_path: Path
) -> None:
    with serving(redis_url, tmp_path / "log") as worker:
        for each in (*garbage(), *commands()):
            worker.client.publish(CHANNEL, each)
        for member in (b"\xff", SECRET, "a\x06\x16b", "\x06\x16" * 9):
            worker.client.sadd("_kombu.binding.reply.celery.pidbox", member)
        assert ask(app, "ping") == {"ok": "pong"}, worker.log()[-3000:]
        assert measures(worker, 10)
        assert worker.served() == ["chunk 10"]
        assert worker.client.llen(ROUTINE_QUEUE) == 0
        assert "message-invalid" in worker.log()
    assert SECRET not in worker.log()
    assert "Traceback" not in worker.log()


def test_with_the_setting_a_worker_obeys_and_consumes_a_cancelled_queue_again(
    redis_url: str, app: Celery, tmp_path: Path
) -> None:
    with serving(redis_url, tmp_path / "log", "--obedient") as worker:
        before = queues_of(app)
        assert "error" not in ask(app, "rate_limit", task_name=MEASURE, rate_limit="100/s")
        assert "error" not in ask(app, "cancel_consumer", queue=before[0])
        assert eventually(lambda: before[0] not in queues_of(app), 3)
        assert eventually(lambda: queues_of(app) == before, 20)  # in the same order
        assert worker.log().count('"queue-forsaken"') == 1
        for key in worker.client.keys("_kombu.binding*"):
            worker.client.delete(key)
        assert measures(worker, 10)
        app.control.broadcast("shutdown")
        assert eventually(lambda: not worker.runs(), 20)
        assert worker.process.returncode == 0


def test_a_worker_that_lost_its_consumer_consumes_its_queue_again(
    redis_url: str, tmp_path: Path
) -> None:
    with serving(redis_url, tmp_path / "log", "--cancels-once") as worker:
        assert measures(worker, 10), worker.log()
        assert worker.log().count('"queue-forsaken"') == 1
    assert worker.process.returncode == 0  # stopped on request


def test_a_worker_that_cannot_consume_its_queue_again_ends(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path / "log", "--cancels-on") as worker:
        assert eventually(lambda: not worker.runs(), 30), worker.log()
        assert worker.process.returncode == 1  # so systemd restarts it
        assert worker.log().count('"queue-forsaken"') == 2
