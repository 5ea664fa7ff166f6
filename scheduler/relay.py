"""The relay: sends messages for committed chunks.

A crash between publishing and marking sends a chunk twice, which costs its second worker one
query; a crash before publishing leaves it to the next round. Nothing is sent before its commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from db.database import Database, pieces
from db.outbox import mark_sent, resend_all, unsent_chunks, waiting_chunks
from db.records import ChunkMessage
from db.states import Priority
from db.training.recovery import resend_unheard_runs
from db.training.runs import mark_runs_sent, resend_runs, unsent_runs
from scheduler.broker_keys import MARK
from scheduler.errors import BrokerUnavailable
from scheduler.messages import (
    MEASURE,
    QUEUE_OF,
    TRAIN,
    TRAINING_QUEUE,
    measure_message,
    train_message,
)

_log = structlog.stdlib.get_logger(__name__)

#: Routine chunks that may wait in Redis: enough for many workers until the next round, few enough
#: that recovery does not mistake a long queue for a lost one.
_WINDOW = 1000
#: Chunks published before they are marked.
_BLOCK = 100


def relay(database: Database, app: Celery) -> int:
    """Send the chunks and training runs that are due; return how many.

    Raises BrokerUnavailable.
    """
    _notice_loss(database, app)
    sent = _send_runs(database, app)
    room = _WINDOW - waiting_chunks(database)
    # One query for all: each query scans every waiting chunk, possibly millions.
    while due := unsent_chunks(database, _WINDOW):
        urgent = [each for each in due if each.priority is Priority.URGENT]
        routine = due[len(urgent) :][: max(room - len(urgent), 0)]
        for some in pieces([*urgent, *routine], _BLOCK):
            _publish(app, some)
            mark_sent(database, [each.chunk_id for each in some])
        sent += len(urgent) + len(routine)
        room -= len(urgent) + len(routine)
        if len(due) < _WINDOW or len(urgent) < len(due):
            break  # no urgent chunk is left
    return sent


def resend_lost_runs(database: Database, app: Celery, resend_seconds: float) -> int:
    """Mark training runs whose messages are lost to be sent again; return how many.

    A run may wait for days behind others. While any message is waiting, none is assumed lost, and
    sending again would only pile up messages. Raises BrokerUnavailable.
    """
    try:
        with app.producer_or_acquire() as producer:
            channel: Any = producer.channel
            waiting: int = channel.client.llen(TRAINING_QUEUE)
    except (OperationalError, RedisError, OSError) as exc:
        raise BrokerUnavailable from exc
    return 0 if waiting else resend_unheard_runs(database, resend_seconds)


def _notice_loss(database: Database, app: Celery) -> None:
    """Mark everything to be sent again if Redis has lost its data. Raises BrokerUnavailable."""
    try:
        with app.producer_or_acquire() as producer:
            channel: Any = producer.channel
            if channel.client.exists(MARK):
                return
            # Chunks first, then the mark: a crash between the two sends twice, never not at all.
            resent = resend_all(database) + resend_runs(database)
            channel.client.set(MARK, 1)
    except (OperationalError, RedisError, OSError) as exc:
        raise BrokerUnavailable from exc
    if resent:
        _log.warning("the broker had lost its queue", resent=resent)


def _send_runs(database: Database, app: Celery) -> int:
    runs = unsent_runs(database)
    if runs:
        _send(app, [(TRAIN, train_message(run_id), TRAINING_QUEUE) for run_id in runs])
        mark_runs_sent(database, runs)
    return len(runs)


def _publish(app: Celery, chunks: Sequence[ChunkMessage]) -> None:
    _send(
        app,
        [(MEASURE, measure_message(chunk.chunk_id), QUEUE_OF[chunk.priority]) for chunk in chunks],
    )


def _send(app: Celery, messages: list[tuple[str, dict[str, int], str]]) -> None:
    """Publish (task, arguments, queue). Raises BrokerUnavailable."""
    try:
        with app.producer_or_acquire() as producer:
            for task, arguments, queue in messages:
                app.send_task(
                    task,
                    kwargs=arguments,
                    queue=queue,
                    producer=producer,
                    retry=False,  # the next round is the retry
                )
    except (OperationalError, RedisError, OSError) as exc:
        raise BrokerUnavailable from exc
