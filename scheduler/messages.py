"""Messages of the queue: task names, queue names and the id of a row, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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

#: Ids of rows are signed 64-bit integers.
_LARGEST_ID = (1 << 63) - 1

#: In the order of priority.
MEASURE_QUEUES: Final = (URGENT_QUEUE, ROUTINE_QUEUE)

TASK_QUEUES: Final = (*MEASURE_QUEUES, TRAINING_QUEUE, UPKEEP_QUEUE)

QUEUE_OF: Final = {Priority.URGENT: URGENT_QUEUE, Priority.ROUTINE: ROUTINE_QUEUE}


#: The name of each task's only argument, the id of a row.
_ARGUMENT: Final = {MEASURE: "chunk_id", TRAIN: "run_id", UPKEEP: None}
_TASK_ID = re.compile(r"[0-9a-f-]{36}")
#: Headers that Celery would act on and thoraq never uses, with their neutral values.
_UNUSED: Final[dict[str, tuple[object, ...]]] = {
    "chord": (None,),
    "compression": (None,),
    "eta": (None,),
    "group": (None,),
    "group_index": (None,),
    "replaced_task_nesting": (None, 0),
    "retries": (None, 0),
    "shadow": (None,),
    "stamped_headers": (None, []),
    "stamps": (None, {}),
    "timelimit": (None, [None, None]),
}


@dataclass(frozen=True, slots=True)
class Call:
    """The task a message asks for; nothing else of the message reaches a worker."""

    task: str
    task_id: str
    arguments: dict[str, int]
    expires_at: datetime | None = None


def measure_message(chunk_id: int) -> dict[str, int]:
    """Return the arguments of a chunk's task: its id only, so that queues contain no names."""
    return {"chunk_id": valid_id(chunk_id)}


def train_message(run_id: int) -> dict[str, int]:
    """Return the arguments of a training run's task: its id."""
    return {"run_id": valid_id(run_id)}


def read_call(headers: Any, decode: Callable[[], Any]) -> Call:
    """Return the task of a message, if thoraq could have sent it; ``decode`` returns its body.

    Raises MessageInvalid, and any exception that malformed headers and bodies cause.
    """
    task, task_id = headers["task"], headers["id"]
    argument = _ARGUMENT[task]
    if not _TASK_ID.fullmatch(task_id) or any(
        headers.get(name) not in values for name, values in _UNUSED.items()
    ):
        raise MessageInvalid
    positional, named, embedded = decode()
    # Embedded callbacks would be sent once the task has ended.
    if positional or len(named) != (argument is not None) or any(embedded.values()):
        raise MessageInvalid
    arguments = {} if argument is None else {argument: valid_id(named[argument])}
    return Call(task, task_id, arguments, _expiry(headers.get("expires"), task))


def _expiry(expires: object, task: str) -> datetime | None:
    """Return when a round of upkeep expires; chunks do not expire."""
    if expires is None:
        return None
    if task != UPKEEP or not isinstance(expires, str):
        raise MessageInvalid
    expires_at = datetime.fromisoformat(expires)
    if expires_at.tzinfo is None:
        raise MessageInvalid
    return expires_at


def valid_id(number: object) -> int:
    """Return an argument if it is a valid row id. Raises MessageInvalid."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _LARGEST_ID:
        raise MessageInvalid.because(f"a {type(number).__name__}")
    return number
