"""A newer thoraq upgrades the database of a running stack."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import text

from db import schema
from db.engine import engine_of
from db.errors import SchemaNewer
from db.tables import metadata
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.chaos import witness
from tests.worker.conftest import Bench

FILES = 24


def set_revision(url: str, revision: str) -> None:
    """Set the schema revision of another version of thoraq."""
    engine = engine_of(url).execution_options(thoraq_writing=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    engine.dispose()


def everything(url: str) -> list[Any]:
    """Return every row, under any schema."""
    engine = engine_of(url)
    with engine.begin() as connection:
        found = [connection.execute(table.select()).all() for table in metadata.sorted_tables]
    engine.dispose()
    return found


@pytest.mark.slow
def test_workers_and_upkeep_change_nothing_after_a_newer_thoraq_upgraded_the_database(
    either_bench: Bench,
) -> None:
    bench, url = either_bench, either_bench.settings.database
    witness.call_witness(bench.database)
    write_radiographs(bench.archive, FILES)
    with bench.stack() as stack:
        bench.submit(stack)
        assert eventually(lambda: bench.status().measured > 0)
        set_revision(url, "9999")
        before = everything(url)
        for name in ("cpu0", "upkeep"):
            assert eventually(lambda name=name: SchemaNewer.code in bench.log(name)), bench.log()
        time.sleep(2 * bench.settings.lease_seconds)  # running jobs have lost their lease
        assert everything(url) == before
        with pytest.raises(SchemaNewer):
            bench.status()
        assert "Traceback" not in bench.log() + bench.log("upkeep")
        set_revision(url, schema.HEAD)
        ledger = bench.finish(stack)
    assert (ledger.measured, ledger.open) == (FILES, 0)
    said = witness.testify(bench.database)
    assert (said.twice, said.unexplained) == (0, 0)
