"""The states of a job and the allowed moves between them.

A job is one radiograph to be measured by one network. Its state is changed only by conditional
updates in this folder, each of which names the states it starts from.
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"  # belongs to a chunk that is sent or about to be
    RUNNING = "running"  # claimed: an owner token and a lease
    MEASURED = "measured"
    SET_ASIDE = "set_aside"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States that a job leaves only at an operator's request.
SETTLED = frozenset({JobState.MEASURED, JobState.SET_ASIDE, JobState.FAILED, JobState.CANCELLED})

#: Every allowed move; anything else is a fault of the program.
MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.MEASURED, JobState.SET_ASIDE, JobState.FAILED}
    ),
    JobState.MEASURED: frozenset(),
    JobState.SET_ASIDE: frozenset({JobState.QUEUED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}


class Priority(StrEnum):
    """Which queue a job's chunks go to; urgent ones overtake within one chunk."""

    URGENT = "urgent"
    ROUTINE = "routine"


class QueueName(StrEnum):
    """What an operator may pause as a whole."""

    URGENT = "urgent"
    ROUTINE = "routine"
    TRAINING = "training"


class Destination(StrEnum):
    """What a watch did with a file that had ended."""

    DONE = "done"  # moved to done/: measured
    FAILED = "failed"  # moved to failed/: set aside or failed
    DELETED = "deleted"  # measured, and deleted
    GONE = "gone"  # it was no longer there


class RunState(StrEnum):
    """The state of a training run."""

    QUEUED = "queued"
    RUNNING = "running"  # claimed: an owner token and a lease
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: Every allowed move of a training run; failed and cancelled runs may be resumed.
RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    RunState.RUNNING: frozenset(
        {RunState.QUEUED, RunState.FINISHED, RunState.FAILED, RunState.CANCELLED}
    ),
    RunState.FINISHED: frozenset(),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
}
