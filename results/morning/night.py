"""What the morning report says of a batch, apart from pictures and files that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from db.database import Database
from db.errors import ModelUnknown
from db.models import find_model
from db.query.night_records import BINNINGS, Distribution, Interval, MeasuredBy
from db.query.nights import distribution, endings_over_time, measured_by
from db.query.status import all_statuses, batch_status
from db.records import BatchStatus, ModelRecord
from network.figures import figures, pooled
from radiograph.measures.quality import bucket
from radiograph.records import Bucket, IctThresholds
from results.judgements import outdated_results
from results.ledger import equation
from results.morning.drift import Drift, compare, corrected, drift_between

#: Earlier batches that a batch is compared with, and the results after which no more are added.
EARLIER_BATCHES, EARLIER_RESULTS = 7, 100_000
#: Lengths of an interval of the rate, and the most intervals of a plot.
STEPS_SECONDS = (1, 5, 15, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400)
MOST_INTERVALS = 96
RATED = tuple(each for each in Bucket if each is not Bucket.UNRATED)


@dataclass(frozen=True, slots=True)
class Check:
    """One reason to trust a batch, or not to. ``passed``: None if it could not be tested."""

    name: str
    passed: bool | None
    finding: str


@dataclass(frozen=True, slots=True)
class Night:
    """The figures of a batch. ``earlier``: batches before it, the newest first."""

    status: BatchStatus
    earlier: tuple[BatchStatus, ...]
    step_seconds: int
    rate: tuple[Interval, ...]
    networks: tuple[MeasuredBy, ...]
    record: ModelRecord | None
    distributions: Mapping[str, Distribution]
    before: Mapping[str, Distribution]
    drift: tuple[Drift, ...]
    outdated: int

    @property
    def error_stated(self) -> str:
        """Return the test error in the network's card, as text."""
        found = None if self.record is None else pooled(figures(self.record.card, "landmarks"))
        return "not stated" if found is None else f"{found.words(2)} px of a 224 frame"

    @property
    def calibration(self) -> str | None:
        """Return the id of the calibration in the network's card."""
        stated: Any = None if self.record is None else self.record.card.get("calibration")
        return str(stated["id"]) if isinstance(stated, Mapping) and "id" in stated else None


def night_of(database: Database, batch: str, lines: IctThresholds) -> Night:
    """Read the figures of a batch. ``lines``: thresholds of the settings. Raises BatchUnknown."""
    status = batch_status(database, batch)
    earlier = earlier_batches(status, all_statuses(database))
    networks = measured_by(database, status.batch.id)
    model = networks[0].model if networks else None
    own, others = [status.batch.id], [each.batch.id for each in earlier]
    # Only the results of the network that measured most of the batch are comparable.
    now = {each.measure: distribution(database, own, each, model) for each in BINNINGS}
    before = {each.measure: distribution(database, others, each, model) for each in BINNINGS}
    record = None if model is None else _registered(database, model)
    drift = [
        found
        for name in now
        for found in drift_between(now[name], before[name], "the last batches")
    ]
    drift += _against_test_set(now["expected_error_px224"], record)
    step = step_seconds(status)
    return Night(
        status=status,
        earlier=earlier,
        step_seconds=step,
        rate=tuple(endings_over_time(database, status.batch.id, step)),
        networks=tuple(networks),
        record=record,
        distributions=now,
        before=before,
        drift=tuple(corrected(drift)),
        outdated=outdated_results(status.judged, lines),
    )


def earlier_batches(
    status: BatchStatus, statuses: Sequence[BatchStatus]
) -> tuple[BatchStatus, ...]:
    """Return the batches that ended last before a batch did, the newest first."""
    ended = status.last_settled_at
    if ended is None:
        return ()
    before = [
        (each.last_settled_at, each)
        for each in statuses
        if each.measured
        and each.batch.id != status.batch.id
        and each.last_settled_at is not None
        and each.last_settled_at < ended
    ]
    found: list[BatchStatus] = []
    for _, each in sorted(before, key=lambda pair: pair[0], reverse=True)[:EARLIER_BATCHES]:
        found.append(each)
        if sum(one.measured for one in found) >= EARLIER_RESULTS:
            break
    return tuple(found)


def step_seconds(status: BatchStatus) -> int:
    """Return the length of the intervals in which a batch's rate is counted."""
    if status.first_claimed_at is None or status.last_settled_at is None:
        return STEPS_SECONDS[0]
    span = (status.last_settled_at - status.first_claimed_at).total_seconds()
    for step in STEPS_SECONDS:
        if span / step <= MOST_INTERVALS:
            return step
    days = ceil(span / MOST_INTERVALS / STEPS_SECONDS[-1])
    return days * STEPS_SECONDS[-1]


def checks(night: Night) -> Iterator[Check]:
    """Yield the reasons to trust a batch, or not to."""
    status = night.status
    yield Check("Ledger", status.balanced, equation(status))
    yield Check(
        "Complete",
        not status.open,
        f"{status.open} files wait or are at work" if status.open else "every file has ended",
    )
    yield _network_check(night)
    unrated = status.buckets.get(Bucket.UNRATED, 0)
    yield Check(
        "Calibration",
        None if not status.measured else not unrated,
        f"{unrated} of {status.measured} results have no expected error"
        if unrated
        else "every result has an expected error"
        + (f" ({night.calibration})" if night.calibration else ""),
    )
    yield _drift_check(night, "the last batches")
    yield _drift_check(night, "its test set")
    yield Check(
        "Thresholds",
        not night.outdated,
        f"{night.outdated} results were judged by other ICT settings: run `thoraq recompute`"
        if night.outdated
        else "all results were judged by the current ICT settings",
    )


def _network_check(night: Night) -> Check:
    if not night.networks:
        return Check("Network", None, "nothing was measured")
    used = {(each.model, each.weights_digest) for each in night.networks}
    first = night.networks[0]
    if len(used) > 1:
        names = ", ".join(sorted({each.model for each in night.networks}))
        return Check("Network", passed=False, finding=f"measured by {len(used)} networks: {names}")
    if night.record is None:
        return Check("Network", None, f"{first.model} is not registered here")
    same = night.record.weights_digest == first.weights_digest
    words = "the registered weights" if same else "other weights than those registered"
    return Check("Network", same, f"{first.model}, {words} ({first.weights_digest[:12]})")


def _drift_check(night: Night, against: str) -> Check:
    name = "Against the last batches" if against == "the last batches" else "Against the test set"
    compared = [each for each in night.drift if each.against == against and each.p is not None]
    if not compared:
        lacking = "too few results to compare"
        if against == "the last batches" and not night.earlier:
            lacking = "there is no earlier batch"
        return Check(name, None, lacking)
    moved = [each for each in compared if each.found and (each.higher or each.view is not None)]
    if not moved:
        counted = "1 comparison" if len(compared) == 1 else f"{len(compared)} comparisons"
        return Check(name, passed=True, finding=f"no drift in {counted}")
    words = [
        f"{measure_name(each.measure)}{f' of {view_name(each.view)}' if each.view else ''}"
        f" {direction(each)}"
        for each in moved
    ]
    return Check(name, passed=False, finding=f"drift: {', '.join(words)}")


def direction(found: Drift) -> str:
    """Return where a drift went, in a word."""
    if found.measure == "bucket":
        return "worse" if found.higher else "better"
    return "higher" if found.higher else "lower"


def measure_name(measure: str) -> str:
    """Return a measure in words."""
    names = {
        "ict": "ICT",
        "expected_error_px224": "expected error",
        "frontal_probability": "probability of frontal",
        "bucket": "bucket by expected error",
    }
    return names[measure]


def view_name(view: str | None) -> str:
    """Return a projection in words; None: all of them."""
    names = {None: "all", "UNKNOWN": "unknown view", "LATERAL": "lateral"}
    return names.get(view, str(view))


def _against_test_set(now: Distribution, record: ModelRecord | None) -> list[Drift]:
    """Compare buckets with those of the network's test set, as far as its card states them."""
    stated = {} if record is None else stated_buckets(record.card)
    if not stated:
        return []
    counts = Counter[int]()
    for number, results in now.of().items():
        counts[RATED.index(bucket(number * now.binning.width))] += results
    return [compare(counts, stated, 1.0, measure="bucket", against="its test set")]


def stated_buckets(card: Mapping[str, object]) -> dict[int, int]:
    """Return the cases of the test sets by expected bucket, numbered from the best."""
    try:
        sets: Any = card["metrics"]["reliability"]  # type: ignore[index]
        rows = [each["confusion"] for each in sets.values()]
        found = {
            number: sum(int(cases) for row in rows for cases in row[str(rated)].values())
            for number, rated in enumerate(RATED)
        }
    except (KeyError, TypeError, ValueError, AttributeError):  # written by another version
        return {}
    return {number: cases for number, cases in found.items() if cases > 0}


def _registered(database: Database, model: str) -> ModelRecord | None:
    try:
        return find_model(database, model)
    except ModelUnknown:
        return None
