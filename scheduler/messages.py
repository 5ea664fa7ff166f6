"""What travels through the queue: task names, queue names and a chunk's number, nothing else."""

from __future__ import annotations

from typing import Final

from db.states import Priority
from scheduler.errors import MessageInvalid

MEASURE: Final = "thoraq.measure_chunk"
UPKEEP: Final = "thoraq.upkeep"

URGENT_QUEUE: Final = "measure.urgent"
ROUTINE_QUEUE: Final = "measure.routine"
UPKEEP_QUEUE: Final = "upkeep"

#: In the order a worker empties them.
MEASURE_QUEUES: Final = (URGENT_QUEUE, ROUTINE_QUEUE)

QUEUE_OF: Final = {Priority.URGENT: URGENT_QUEUE, Priority.ROUTINE: ROUTINE_QUEUE}


def measure_message(chunk_id: int) -> dict[str, int]:
    """Return the arguments of a chunk's task: its number, so that no queue holds a name."""
    return {"chunk_id": valid_chunk_id(chunk_id)}


def valid_chunk_id(chunk_id: object) -> int:
    """Return what a message says, if it is a chunk's number. Raises MessageInvalid."""
    if isinstance(chunk_id, bool) or not isinstance(chunk_id, int) or chunk_id < 1:
        raise MessageInvalid(f"a {type(chunk_id).__name__}. {MessageInvalid.__doc__}")
    return chunk_id
