"""What travels through the queue: task names, queue names and a row's number, nothing else."""

from __future__ import annotations

from typing import Final

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


def measure_message(chunk_id: int) -> dict[str, int]:
    """Return the arguments of a chunk's task: its number, so that no queue holds a name."""
    return {"chunk_id": valid_id(chunk_id)}


def train_message(run_id: int) -> dict[str, int]:
    """Return the arguments of a training run's task: its number."""
    return {"run_id": valid_id(run_id)}


def valid_id(number: object) -> int:
    """Return what a message says, if it is a row's number. Raises MessageInvalid."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= _LARGEST_ID:
        raise MessageInvalid(f"a {type(number).__name__}. {MessageInvalid.__doc__}")
    return number
