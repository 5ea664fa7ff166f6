"""A copy is restored while workers are running, and the night continues."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.backup.copies import back_up, restore
from db.query.results import find_results
from db.records import ResultFilter
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench

pytestmark = pytest.mark.slow

FILES = 24


def test_workers_continue_with_a_restored_copy(either_bench: Bench, tmp_path: Path) -> None:
    bench = either_bench
    write_radiographs(bench.archive, FILES)
    with bench.stack() as stack:
        bench.submit(stack)
        assert eventually(lambda: bench.status().measured > 0), bench.log()
        taken = back_up(bench.settings.database, tmp_path / "middle")
        assert taken.measurements < FILES
        restore(bench.settings.database, tmp_path / "middle", replace=True)
        assert bench.finish(stack).measured == FILES, bench.log()

        # All later measurements are lost with this copy, and repeated.
        restore(bench.settings.database, tmp_path / "middle", replace=True)
        assert bench.status().open > 0
        assert bench.finish(stack).measured == FILES, bench.log()
    assert bench.status().balanced
    results = [each.radiograph_id for each in find_results(bench.database, ResultFilter())]
    assert len(results) == len(set(results)) == FILES
    assert {each.restarts for each in stack.members} == {0}
