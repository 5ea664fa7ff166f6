"""Drift is found where a batch was shifted, and not between nights of one archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from db.query.night_records import BINNINGS, Distribution
from radiograph.records import View
from results.morning.drift import (
    LEAST_DIFFERENCE,
    LEAST_RESULTS,
    any_found,
    compare,
    corrected,
    drift_between,
    median,
)

NIGHTS = 300
#: Mean and standard deviation of each measure by view, about as in adults.
USUAL = {
    "ict": {View.PA: (0.47, 0.05), View.AP: (0.52, 0.06)},
    "expected_error_px224": {View.PA: (4.5, 1.4), View.AP: (5.5, 1.8)},
    "frontal_probability": {View.PA: (0.99, 0.01), View.AP: (0.98, 0.02)},
}


def night(
    random: np.random.Generator, size: int, shift: dict[str, float], far_off: float = 0.0
) -> list[Distribution]:
    """Return the distributions of ``size`` results of each view; the AP view is shifted."""
    found = []
    for binning in BINNINGS:
        counts = {}
        for view, (mean, sd) in USUAL[binning.measure].items():
            values = random.normal(mean, sd, size)
            if view is View.AP:
                values += shift.get(binning.measure, 0.0)
                values[: round(far_off * size)] += 20 * sd
            values = np.clip(values, binning.low, binning.high)
            counts[view] = dict(Counter(np.round(values / binning.width).astype(int).tolist()))
        found.append(Distribution(binning, counts))
    return found


def alarms(size: int, before: int, shift: dict[str, float], far_off: float = 0.0) -> Iterator[bool]:
    for seed in range(NIGHTS):
        random = np.random.default_rng(seed)
        earlier = night(random, before, {})
        now = night(random, size, shift, far_off)
        pairs = zip(now, earlier, strict=True)
        yield any_found(corrected([one for a, b in pairs for one in drift_between(a, b, "before")]))


@pytest.mark.parametrize(("size", "before"), [(25, 150), (200, 1400), (2000, 10_000)])
def test_nights_of_one_archive_show_no_drift(size: int, before: int) -> None:
    assert sum(alarms(size, before, {})) <= NIGHTS / 100


@pytest.mark.parametrize(
    ("shift", "far_off"),
    [
        ({"ict": 0.03}, 0.0),
        ({"ict": -0.03}, 0.0),
        ({"expected_error_px224": 1.0}, 0.0),
        ({"frontal_probability": -0.02}, 0.0),
        ({}, 0.2),
    ],
)
def test_a_shift_of_one_view_is_found(shift: dict[str, float], far_off: float) -> None:
    assert sum(alarms(400, 2800, shift, far_off)) >= 0.97 * NIGHTS


def test_a_negligible_shift_of_a_large_batch_is_no_drift() -> None:
    random = np.random.default_rng(1)
    [now, *_], [before, *_] = (night(random, 100_000, {"ict": by}) for by in (0.003, 0.0))
    [_, moved] = corrected(drift_between(now, before, "before"))
    assert moved.p is not None
    assert moved.difference is not None
    assert moved.p < 1e-6
    assert moved.difference < LEAST_DIFFERENCE
    assert not moved.found


def test_the_direction_and_the_medians_are_those_of_the_values() -> None:
    low, high = {10: 60, 11: 60}, {14: 60, 15: 61}
    for now, before, higher in ((high, low, True), (low, high, False)):
        found = compare(now, before, 0.05, measure="ict", against="before")
        assert found.found
        assert found.higher is higher
        assert found.median == median(now, 0.05)
        assert (found.results, found.before) == (sum(now.values()), sum(before.values()))
    assert median({1: 1, 5: 1, 9: 1}, 0.5) == 2.5


def test_few_results_are_not_compared() -> None:
    few, many = {1: LEAST_RESULTS - 1}, {9: 1000}
    for now, before in ((few, many), (many, few), (many, {})):
        found = compare(now, before, 1.0, measure="ict", against="before")
        assert found.p is None
        assert not found.found


def test_p_values_are_corrected_by_holm() -> None:
    found = [
        compare({1: n}, {1: n, 2: m}, 1.0, measure="ict", against="before")
        for n, m in ((30, 10), (40, 20), (50, 40))
    ]
    plain = [each.p or 0.0 for each in found]
    last, middle, first = (each.p or 0.0 for each in corrected(found))
    assert plain[2] < plain[1] < plain[0]
    assert first == pytest.approx(min(1, 3 * plain[2]))
    assert middle == pytest.approx(max(first, min(1, 2 * plain[1])))
    assert last == pytest.approx(max(middle, plain[0]))
