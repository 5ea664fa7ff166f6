"""The number of usable cores in a container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler.cores import own_cores, usable_cores

MASK = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", MASK), ("100000 100000", 1), ("50000 100000", 1), ("9900000 100000", MASK)],
)
def test_the_quota_of_a_container_is_respected(quota: str, cores: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores(tmp_path) == cores


def test_the_quota_of_an_older_kind_of_container_is_respected(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path) == 1


def test_without_a_container_the_mask_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == MASK


def test_processes_that_fill_the_mask_are_pinned_to_a_core_each() -> None:
    if usable_cores() == MASK:
        assert own_cores(MASK) == tuple(sorted(os.sched_getaffinity(0)))
    # Other workers would choose the same cores.
    assert own_cores(MASK + 1) == (None,) * (MASK + 1)
