"""Messages that thoraq never sent: nothing runs, nothing is read, and the worker goes on."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from scheduler.messages import MEASURE, ROUTINE_QUEUE
from tests.worker.conftest import Bench, eventually, member, write_radiographs

pytestmark = pytest.mark.slow

SECRET = "ZZSECRET"  # noqa: S105 - what must not turn up in a log


class Mischief:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Return what unpickling calls."""
        return Path.touch, (self.place,)


def envelope(
    body: bytes,
    task: str = MEASURE,
    content_type: str = "application/json",
    encoding: str = "utf-8",
) -> str:
    """Wrap a body as Celery does."""
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": encoding,
            "content-type": content_type,
            "headers": {"lang": "py", "task": task, "id": "0" * 8, "root_id": "0" * 8},
            "properties": {
                "correlation_id": "0" * 8,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": ROUTINE_QUEUE},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": base64.b64encode(body).decode()[:32] + task,
            },
        }
    )


def call(**arguments: object) -> bytes:
    return json.dumps([[], arguments, {}]).encode()


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
                {"chunk_id": 999_999},
            )
        ),
        envelope(call(chunk_id=1), task="os.system"),
        envelope(call(code=SECRET), task="celery.backend_cleanup"),
        envelope(b"no json"),
    ]


def port_of(bench: Bench) -> int:
    url = bench.settings.broker_url
    assert url is not None
    return int(url.get_secret_value().rpartition(":")[2].partition("/")[0])


def test_a_hostile_message_runs_nothing_and_the_worker_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    place = tmp_path / "made-by-a-message"
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        assert eventually(lambda: "ready" in bench.log(), 60), bench.log()
        worker = member(stack, "cpu0")
        with Redis(port=port_of(bench)) as client:
            for message in hostile(place):
                client.lpush(ROUTINE_QUEUE, message)
            assert eventually(lambda: client.llen(ROUTINE_QUEUE) == 0, 60), bench.log()
        bench.submit(stack)
        assert bench.finish(stack).measured == 6, bench.log()
        assert worker.is_running()
        [cpu0] = [each for each in stack.members if each.name == "cpu0"]
        assert cpu0.restarts == 0, bench.log()
    assert not place.exists()
    said = bench.log()
    assert SECRET not in said
    assert str(place) not in said
    assert said.count("message-invalid") + said.count("MessageInvalid") >= 9


def test_what_is_no_message_at_all_holds_a_worker_up_for_moments(bench: Bench) -> None:
    write_radiographs(bench.archive, 6)
    with bench.stack() as stack:
        assert eventually(lambda: "ready" in bench.log(), 60), bench.log()
        with Redis(port=port_of(bench)) as client:
            client.lpush(ROUTINE_QUEUE, json.dumps({"body": SECRET}))
            client.lpush(ROUTINE_QUEUE, f"no message at all {SECRET}")
        bench.submit(stack)
        assert bench.finish(stack).measured == 6, bench.log()
    assert SECRET not in bench.log()
