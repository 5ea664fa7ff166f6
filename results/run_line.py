"""What one run of a batch did, apart from what was done before."""

from __future__ import annotations

from db.records import BatchStatus
from results.duration import duration
from scheduler.checkup.remedy import quoted


def run_line(before: BatchStatus, after: BatchStatus, reopened: int) -> str:
    """Return what this run did, without what earlier runs did.

    ``reopened``: files that had failed before and were tried again.
    """
    ended = _ended_by_workers(after) - _ended_by_workers(before) + reopened
    if not ended and before.seen == after.seen:
        line = f"All {after.seen} files were already known; nothing was measured twice."
        if after.cancelled:
            line += (
                f" {after.cancelled} are cancelled; requeue them with"
                f" `thoraq retry {quoted(after.batch.name)}`."
            )
        return line
    failed = after.failed - before.failed + reopened
    line = (
        f"This run: {after.measured - before.measured} measured,"
        f" {after.set_aside - before.set_aside} set aside, {failed} failed"
    )
    if had_ended := before.settled - reopened:
        return f"{line}; {had_ended} had already ended; nothing was measured twice."
    if after.first_claimed_at and after.last_settled_at:
        seconds = (after.last_settled_at - after.first_claimed_at).total_seconds()
        if seconds > 0:
            line += f"; {ended / seconds:.1f} radiographs/s over {duration(seconds)}"
    return f"{line}."


def _ended_by_workers(status: BatchStatus) -> int:
    """Return the number of files that a worker has ended."""
    return status.measured + status.set_aside + status.failed
