"""Messages that thoraq never sent: nothing runs, nothing is read, and the worker continues."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from scheduler.messages import MEASURE, ROUTINE_QUEUE, UPKEEP_QUEUE, URGENT_QUEUE
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench, member

pytestmark = pytest.mark.slow

SECRET = "ZZSECRET"  # noqa: S105 - what must not turn up in a log
TASK_ID = "0b8f3c5e-3f0e-4a83-9b0e-1f0f5e6c7d8a"
#: Celery's key of the messages that workers have received and not acknowledged.
HELD = "unacked"


class Mischief:
    """Creates a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Return the call that unpickling makes."""
        return Path.touch, (self.place,)


def envelope(
    body: bytes,
    task: object = MEASURE,
    content_type: str = "application/json",
    encoding: str = "utf-8",
    **headers: object,
) -> str:
    """Return a body in an envelope like Celery's."""
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": encoding,
            "content-type": content_type,
            "headers": {"lang": "py", "task": task, "id": TASK_ID, "root_id": TASK_ID} | headers,
            "properties": {
                "correlation_id": TASK_ID,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": ROUTINE_QUEUE},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": str(uuid4()),
            },
        }
    )


def call(*, _embedded: dict[str, object] | None = None, **arguments: object) -> bytes:
    return json.dumps([[], arguments, _embedded or {}]).encode()


def signature(task: str, *arguments: object) -> dict[str, object]:
    """Return a signature that Celery sends as a message when a task has ended."""
    return {"task": task, "args": arguments, "kwargs": {}, "options": {}, "subtask_type": None}


def hostile(place: Path) -> list[str]:
    """Return one message of each kind."""
    pickled = pickle.dumps([[], {"chunk_id": Mischief(place)}, {}])
    yaml = f"!!python/object/apply:os.system ['touch {place}']".encode()
    return [
        envelope(pickled, content_type="application/x-python-serialize", encoding="binary"),
        envelope(yaml, content_type="application/x-yaml"),
        *(
            envelope(call(**arguments))
            for arguments in (
                {"chunk_id": f"/etc/{SECRET}"},
                {"chunk_id": -1},
                {"chunk_id": True},
                {"chunk_id": 1 << 80},
                {"chunk_id": {"path": SECRET}},
                {"chunk_id": [1]},
                {"chunk_id": 1, "path": f"/etc/{SECRET}"},
                {"path": f"/etc/{SECRET}"},
                {},
            )
        ),
        envelope(call(chunk_id=1), task="os.system"),
        envelope(call(code=SECRET), task="celery.backend_cleanup"),
        envelope(b"no json"),
        envelope(b"[" * 100_000),
        envelope(b"\xff\xfe" + SECRET.encode(), encoding=SECRET),
        envelope(json.dumps([[f"/etc/{SECRET}"], {}, {}]).encode()),
        envelope(json.dumps({"chunk_id": SECRET}).encode()),
        envelope(json.dumps([[], SECRET, {}]).encode()),
        envelope(json.dumps([[], {"chunk_id": 1.5}, SECRET]).encode()),
        *(
            envelope(call(chunk_id=chunk_id, _embedded={follow: [touch]}))
            # One succeeds, the other fails; either is followed by the task that the message names.
            for chunk_id in (999_999, SECRET)
            for follow in ("callbacks", "errbacks", "chain")
            for touch in (
                signature("os.system", f"touch {place}"),
                signature("celery.accumulate", SECRET),
            )
        ),
        envelope(
            call(
                group_id=SECRET,
                callback=signature(MEASURE, SECRET),
                result=[[[SECRET, None], None]],
                interval=0,
            ),
            task="celery.chord_unlock",
        ),
        envelope(
            call(task=signature(MEASURE), it=[SECRET, -1]),
            task="celery.map",
        ),
        envelope(call(chunk_id=999_999), retries=SECRET, expires=SECRET, eta=SECRET),
        envelope(call(chunk_id=999_999), timelimit=[SECRET, SECRET]),
        envelope(call(chunk_id=999_999), shadow=SECRET),
        # Each kills Celery's worker, is redelivered, and kills the next.
        *(
            envelope(call(chunk_id=999_999), stamped_headers=value)
            for value in (1, SECRET, {SECRET: 1}, [SECRET])
        ),
        envelope(call(chunk_id=999_999), id=SECRET),
        envelope(call(chunk_id=999_999), id={"no": "text"}),
        envelope(call(chunk_id=999_999), compression="application/x-bz2"),
        envelope(call(chunk_id=999_999), task=["no", "text"]),
        envelope(call(chunk_id=999_999), task=None),
    ]


def port_of(bench: Bench) -> int:
    url = bench.settings.broker_url
    assert url is not None
    return int(url.get_secret_value().rpartition(":")[2].partition("/")[0])


def test_a_hostile_message_runs_nothing_and_the_worker_continues(
    bench: Bench, tmp_path: Path
) -> None:
    place = tmp_path / "made-by-a-message"
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        assert eventually(lambda: "ready" in bench.log(), 60), bench.log()
        worker = member(stack, "cpu0")
        messages = hostile(place)
        with Redis(port=port_of(bench)) as client:
            for message in messages:
                client.lpush(ROUTINE_QUEUE, message)
            # Well formed, for a chunk that does not exist.
            client.lpush(ROUTINE_QUEUE, envelope(call(chunk_id=999_999)))
            assert eventually(lambda: client.llen(ROUTINE_QUEUE) == 0, 60), bench.log()
            bench.submit(stack)
            assert bench.finish(stack).measured == 6, bench.log()
            assert eventually(lambda: client.hlen(HELD) == 0, 60), "one would come back"
        assert worker.is_running()
        [cpu0] = [each for each in stack.members if each.name == "cpu0"]
        assert cpu0.restarts == 0, bench.log()
    assert not place.exists()
    said = bench.log()
    assert SECRET not in said
    assert str(place) not in said
    assert "Traceback" not in said
    assert said.count("message-invalid") == len(messages)


def test_data_that_is_not_a_message_ends_no_worker(bench: Bench) -> None:
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        assert eventually(lambda: "ready" in bench.log(), 60), bench.log()
        with Redis(port=port_of(bench)) as client:
            client.lpush(ROUTINE_QUEUE, json.dumps({"body": SECRET}))
            client.lpush(ROUTINE_QUEUE, f"no message at all {SECRET}")
            client.lpush(UPKEEP_QUEUE, f"no message at all {SECRET}")
            client.set(URGENT_QUEUE, SECRET)
            client.publish("/0.celery.pidbox", json.dumps({"body": SECRET}))
        bench.submit(stack)
        assert bench.finish(stack).measured == 6, bench.log()
        assert {each.restarts for each in stack.members} == {0}
    for name in ("cpu0", "upkeep"):
        assert SECRET not in bench.log(name)
        assert "Traceback" not in bench.log(name)


def test_a_command_to_shut_down_ends_no_worker(bench: Bench) -> None:
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        for name in ("cpu0", "upkeep"):
            assert eventually(lambda name=name: "ready" in bench.log(name), 60), bench.log(name)  # type: ignore[misc]
        stack.app.control.shutdown()
        stack.app.control.cancel_consumer(ROUTINE_QUEUE)
        bench.submit(stack)
        assert bench.finish(stack).measured == 6, bench.log()
        assert {each.restarts for each in stack.members} == {0}
    for name in ("cpu0", "upkeep"):
        assert bench.log(name).count("control-refused") == 2
