"""The files on which the stages are timed represent the archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bench.stages import _evenly
from scheduler.intake.walk import walk


@pytest.mark.parametrize("period", [2, 4, 5, 10])
def test_the_sample_has_the_file_sizes_of_the_archive(tmp_path: Path, period: int) -> None:
    for number in range(200):
        size = 9000 if number % period == 0 else 1000
        (tmp_path / f"{number:03}").write_bytes(bytes(size))
    met = list(walk(tmp_path))
    chosen = _evenly(met, 40)
    assert len({each.stat.path for each in chosen}) == 40
    assert sum(each.stat.size for each in chosen) / 40 == pytest.approx(
        sum(each.stat.size for each in met) / 200
    )
    assert [each for each in met if each in chosen] == chosen
    assert _evenly(met, 1000) == met
    assert _evenly([], 40) == []
