"""The ledger of a batch: what became of every file that it has seen."""

from __future__ import annotations

from collections import Counter

from db.records import BatchStatus
from radiograph.records import Bucket, IctRule, IctThresholds
from results.columns import plain
from results.judgements import outdated_results
from results.rows import Row

#: Every column of the list of batches.
COLUMNS = (
    "batch",
    "priority",
    "created_at",
    "seen",
    "measured",
    "set_aside",
    "failed",
    "duplicates",
    "cancelled",
    "waiting",
    "running",
    "enlarged",
    "outdated",
    "balanced",
    "paused",
)
#: What a table shows of a batch.
IN_TABLE = (
    "batch",
    "seen",
    "measured",
    "set_aside",
    "failed",
    "duplicates",
    "cancelled",
    "waiting",
    "running",
    "enlarged",
    "paused",
    "created_at",
)


def equation(status: BatchStatus) -> str:
    """Return ``seen = measured + set aside + failed + duplicates`` in figures.

    Cancelled, waiting and running files are added to the right side if there are any.
    """
    terms = [
        f"{status.measured} measured",
        f"{status.set_aside} set aside",
        f"{status.failed} failed",
        f"{status.duplicates} duplicates",
    ]
    for count, word in (
        (status.cancelled, "cancelled"),
        (status.queued, "waiting"),
        (status.running, "running"),
    ):
        if count:
            terms.append(f"{count} {word}")
    return f"{status.seen} seen {'=' if status.balanced else '!='} {' + '.join(terms)}"


def ledger_json(status: BatchStatus, lines: IctThresholds) -> dict[str, object]:
    """Return the ledger with stable keys, including every bucket and every rule.

    ``lines``: thresholds of the current settings, which may differ from those of older results.
    """
    rules = Counter[IctRule]()
    for each in status.judged:
        rules[each.judged.rule] += each.results
    return {
        "batch": status.batch.name,
        "priority": status.batch.priority,
        "created_at": plain(status.batch.created_at),
        "paused_at": plain(status.batch.paused_at),
        "seen": status.seen,
        "measured": status.measured,
        "set_aside": status.set_aside,
        "failed": status.failed,
        "duplicates": status.duplicates,
        "cancelled": status.cancelled,
        "waiting": status.queued,
        "queued": status.queued,  # former name of "waiting"; removed in the next version
        "running": status.running,
        "balanced": status.balanced,
        "enlarged": status.enlarged,
        "not_enlarged": status.not_enlarged,
        "without_threshold": status.measured - status.enlarged - status.not_enlarged,
        "ict_rules": {rule: rules[rule] for rule in IctRule},
        "outdated": outdated_results(status.judged, lines),
        "buckets": {bucket: status.buckets.get(bucket, 0) for bucket in Bucket},
        "codes": dict(sorted(status.codes.items())),
        "first_claimed_at": plain(status.first_claimed_at),
        "last_settled_at": plain(status.last_settled_at),
    }


def status_row(found: BatchStatus, lines: IctThresholds) -> Row:
    """Return the row of a batch. ``lines``: thresholds of the current settings."""
    return {
        "batch": found.batch.name,
        "priority": str(found.batch.priority),
        "created_at": found.batch.created_at.isoformat(timespec="seconds"),
        "seen": found.seen,
        "measured": found.measured,
        "set_aside": found.set_aside,
        "failed": found.failed,
        "duplicates": found.duplicates,
        "cancelled": found.cancelled,
        "waiting": found.queued,
        "running": found.running,
        "enlarged": found.enlarged,
        "outdated": outdated_results(found.judged, lines),
        "balanced": found.balanced,
        "paused": found.batch.paused_at is not None,
    }
