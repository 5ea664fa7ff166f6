"""Forged data in the broker has no effect on other messages, and ends no worker."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from scheduler.broker_keys import _TYPES, MARK, SET_ASIDE, SUSPECTS
from scheduler.messages import (
    MEASURE,
    ROUTINE_QUEUE,
    TASK_QUEUES,
    TRAIN,
    TRAINING_QUEUE,
    UPKEEP,
    UPKEEP_QUEUE,
    URGENT_QUEUE,
)
from testbed.forgeries import SECRET, forged, garbage, sound
from testbed.patience import eventually
from tests.scheduler.serving import KILLS, RAISES, Serving, serving

UNACKED, INDEX = "unacked", "unacked_index"
#: Long enough ago for a message to be delivered again.
LONG_AGO = 1.0


def push(client: Redis, queue: str, *messages: str | bytes) -> None:
    with client.pipeline(transaction=False) as pipe:
        for each in messages:
            pipe.lpush(queue, each)
        pipe.execute()


def is_still_served(worker: Serving, number: int) -> bool:
    """Return whether a valid message in each queue runs."""
    rounds = worker.served().count("upkeep")
    push(worker.client, ROUTINE_QUEUE, json.dumps(sound(MEASURE, number)))
    push(worker.client, URGENT_QUEUE, json.dumps(sound(MEASURE, number + 1)))
    push(worker.client, TRAINING_QUEUE, json.dumps(sound(TRAIN, number)))
    push(worker.client, UPKEEP_QUEUE, json.dumps(sound(UPKEEP)))
    wanted = {f"chunk {number}", f"chunk {number + 1}", f"run {number}"}

    def is_served() -> bool:
        served = worker.served()
        return wanted <= set(served) and served.count("upkeep") > rounds

    return eventually(lambda: is_served() or not worker.runs()) and worker.runs()


def says_nothing(worker: Serving) -> None:
    said = worker.log()
    assert SECRET not in said
    assert "Traceback" not in said, said[said.index("Traceback") - 500 :][:4000]


def test_no_forged_field_of_any_type_ends_a_worker(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path / "log") as worker:
        messages = list(forged())
        push(worker.client, ROUTINE_QUEUE, *messages)
        junk = list(garbage())
        for queue in TASK_QUEUES:
            push(worker.client, queue, *junk)
        waiting = [*TASK_QUEUES, UNACKED]
        assert eventually(
            lambda: not worker.runs() or not any(worker.client.exists(each) for each in waiting),
            120,
        )
        assert worker.runs(), worker.log()[-3000:]
        assert is_still_served(worker, 10)
        # Each forged message either ran like the valid one, or was refused.
        ran = [each for each in worker.served() if each in {"chunk 1", "run 1", "upkeep"}]
        refused = worker.log().count('"message-invalid"')
        assert len(ran) - 1 + refused == len(messages) + len(TASK_QUEUES) * len(junk)
        assert set(worker.served()) == {
            "chunk 1",
            "run 1",
            "upkeep",
            "chunk 10",
            "chunk 11",
            "run 10",
        }
    says_nothing(worker)


def held(message: Any, exchange: object = "", queue: object = ROUTINE_QUEUE) -> str:
    return json.dumps([message, exchange, queue])


def test_garbage_among_unacknowledged_messages_does_not_block_redelivery(
    redis_url: str, tmp_path: Path
) -> None:
    strange = [
        *garbage(),
        *(held(json.loads(each)) for each in itertools.islice(forged(2), 0, None, 7)),
        *(held(sound(), exchange, ROUTINE_QUEUE) for exchange in (None, 1, [], {}, SECRET)),
        *(held(sound(), "", queue) for queue in (None, 1, [], {}, "", SECRET, UNACKED)),
    ]
    with Redis.from_url(redis_url) as client:
        for number, each in enumerate(strange):
            client.hset(UNACKED, f"tag-{number}", each)
            client.zadd(INDEX, {f"tag-{number}": LONG_AGO})
        for tag in (b"\xff\xfe", b"", b"gone"):
            client.zadd(INDEX, {tag: LONG_AGO})
        client.hset(UNACKED, "sound", held(sound(MEASURE, 5)))
        client.zadd(INDEX, {"sound": LONG_AGO + 1})
    with serving(redis_url, tmp_path / "log") as worker:
        assert eventually(lambda: not worker.runs() or "chunk 5" in worker.served())
        assert eventually(lambda: not worker.runs() or not worker.client.exists(INDEX))
        assert is_still_served(worker, 10), worker.log()[-3000:]
    says_nothing(worker)


WRONG = {
    "string": lambda client, key: client.set(key, SECRET),
    "list": lambda client, key: client.lpush(key, SECRET),
    "hash": lambda client, key: client.hset(key, SECRET, SECRET),
    "zset": lambda client, key: client.zadd(key, {SECRET: 1}),
    "set": lambda client, key: client.sadd(key, SECRET),
}


def spoil(client: Redis, nth: int) -> None:
    """Set every key to a wrong type."""
    for key, expected in _TYPES.items():
        kinds = [kind for kind in WRONG if kind != expected]
        client.delete(key)
        WRONG[kinds[nth % len(kinds)]](client, key)


def is_mended(client: Redis) -> bool:
    return all(client.type(key).decode() in {"none", expected} for key, expected in _TYPES.items())


@pytest.mark.parametrize("running", [False, True])
def test_a_key_of_a_wrong_type_stops_no_worker(
    redis_url: str, tmp_path: Path, *, running: bool
) -> None:
    with Redis.from_url(redis_url) as client:
        client.set(MARK, 1)
        if not running:
            spoil(client, 0)
        with serving(redis_url, tmp_path / "log") as worker:
            for nth in range(1, 4 * running):
                spoil(client, nth)
                assert eventually(lambda: is_mended(client)), worker.log()[-3000:]
            assert is_still_served(worker, 10), worker.log()[-3000:]
            assert "broker-key-replaced" in worker.log()
        assert not client.exists(MARK)  # so that upkeep sends everything again
    assert "Traceback" not in worker.log(), worker.log()


def test_an_unreleased_lock_does_not_block_redelivery(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path / "log") as worker:
        worker.client.set("unacked_mutex", "forged")
        worker.client.hset(UNACKED, "sound", held(sound(MEASURE, 5)))
        worker.client.zadd(INDEX, {"sound": LONG_AGO})
        assert eventually(lambda: "chunk 5" in worker.served(), 20), worker.log()


def test_a_message_on_which_celery_fails_is_kept_and_ends_no_worker(
    redis_url: str, tmp_path: Path
) -> None:
    with serving(redis_url, tmp_path / "log") as worker:
        for _ in range(120):
            push(worker.client, ROUTINE_QUEUE, json.dumps(sound(MEASURE, RAISES)))
        assert is_still_served(worker, 10), worker.log()[-3000:]
        assert worker.log().count("message-set-aside") == 120
        kept = worker.client.lrange(SET_ASIDE, 0, -1)
        assert len(kept) == 100  # the latest
        assert json.loads(kept[0])["queue"] == ROUTINE_QUEUE
        assert str(RAISES) in json.loads(kept[0])["body"]
        assert not worker.client.exists(UNACKED, SUSPECTS)


def test_a_message_that_killed_two_workers_is_removed_before_the_third(
    redis_url: str, tmp_path: Path
) -> None:
    with Redis.from_url(redis_url) as client:
        push(client, ROUTINE_QUEUE, json.dumps(sound(MEASURE, KILLS)))
        for _ in range(2):
            with serving(redis_url, tmp_path / "log") as worker:
                assert eventually(lambda: not worker.runs(), 30), worker.log()
            time.sleep(0.1)
        with serving(redis_url, tmp_path / "log") as worker:
            assert eventually(lambda: client.exists(SET_ASIDE), 30), worker.log()
            assert is_still_served(worker, 10), worker.log()
            assert worker.log().count("message-set-aside") == 1
        assert not client.exists(UNACKED, SUSPECTS)
