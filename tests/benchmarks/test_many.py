"""The simulation of many workers settles each file once, and its parts add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.many.__main__ import check
from benchmarks.many.records import Asked
from benchmarks.many.simulation import simulate
from benchmarks.many.stand import servers
from benchmarks.many.tables import ceilings
from testbed.servers.postgres import NoPostgres, binaries


def test_every_file_is_settled_once_and_the_parts_add_up(tmp_path: Path) -> None:
    try:
        binaries()
    except NoPostgres as missing:
        pytest.skip(str(missing))
    with servers(tmp_path) as both:
        found = simulate(Asked(2, 600, chunk_size=8), *both)
    check(found)  # 600 each settled, measured and stored, in one attempt
    workers = found.cpu_ms["workers"]
    # CPU time from the kernel, in hundredths of a second, compared with the workers' own.
    assert workers * 600 / 1000 == pytest.approx(found.own_cpu_s, rel=0.3, abs=0.1)
    assert 0 < found.claim_cpu_ms + found.store_cpu_ms < workers + 0.1
    parts = [*found.cpu_ms.values(), *found.intake_cpu_ms.values()]
    assert found.overhead_ms == pytest.approx(sum(parts) - found.cpu_ms["database: watcher"])
    assert found.database_ms < found.overhead_ms
    assert min(ceilings(found).values()) > 0
