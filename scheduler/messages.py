"""What travels through the queue: task names, queue names and a row's number, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from db.states import Priority
from scheduler.errors import MessageInvalid

MEASURE: Final = "thoraq.measure_chunk"
TRAIN: Final = "thoraq.train_run"
UPKEEP: Final = "thoraq.upkeep"

URGENT_QUEUE: Final = "measure.urgent"
ROUTINE_QUEUE: Final = "measure.routine"
TRAINING_QUEUE: Final = "training"
UPKEEP_QUEUE: Final = "upkeep"

#: A database numbers rows in 64 bits with a sign.
_LARGEST_ID = (1 << 63) - 1

#: In the order a worker empties them.
MEASURE_QUEUES: Final = (URGENT_QUEUE, ROUTINE_QUEUE)

QUEUE_OF: Final = {Priority.URGENT: URGENT_QUEUE, Priority.ROUTINE: ROUTINE_QUEUE}


#: What each task is told: the name of its one argument, a row's number.
_ARGUMENT: Final = {MEASURE: "chunk_id", TRAIN: "run_id", UPKEEP: None}
_TASK_ID = re.compile(r"[0-9a-f-]{36}")
#: What Celery would obey, and thoraq never asks for, with the values that ask for nothing.
_UNUSED: Final[dict[str, tuple[object, ...]]] = {
    "compression": (None,),
    "eta": (None,),
    "retries": (None, 0),
    "shadow": (None,),
    "timelimit": (None, [None, None]),
}


def measure_message(chunk_id: int) -> dict[str, int]:
    """Return the arguments of a chunk's task: its number, so that no queue holds a name."""
    return {"chunk_id": valid_id(chunk_id)}


def train_message(run_id: int) -> dict[str, int]:
    """Return the arguments of a training run's task: its number."""
    return {"run_id": valid_id(run_id)}


def check_message(headers: Any, decode: Callable[[], Any]) -> None:
    """Check that a message is one that thoraq sends; ``decode``: gives its body.

    Raises MessageInvalid, and whatever strange headers and bodies cause.
    """
    task = headers["task"]
    argument = _ARGUMENT[task]
    told = all(headers.get(name) in values for name, values in _UNUSED.items())
    # Rounds of upkeep expire; a chunk waits as long as it takes.
    told &= headers.get("expires") is None or task == UPKEEP
    if not told or not _TASK_ID.fullmatch(headers["id"]):
        raise MessageInvalid(MessageInvalid.__doc__)
    positional, named, embedded = decode()
    if argument is not None:
        valid_id(named[argument])
    # What is embedded would be sent on once the task has ended.
    if positional or len(named) != (argument is not None) or any(embedded.values()):
        raise MessageInvalid(MessageInvalid.__doc__)


def valid_id(number: object) -> int:
    """Return what a message says, if it is a row's number. Raises MessageInvalid."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _LARGEST_ID:
        raise MessageInvalid(f"a {type(number).__name__}. {MessageInvalid.__doc__}")
    return number
