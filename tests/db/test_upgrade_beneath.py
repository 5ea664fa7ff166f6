"""An upgrade and transactions of an older program do not interfere."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from db import migration, schema
from db.database import Database
from db.engine import read_once
from db.errors import SchemaNewer
from db.query.status import all_statuses
from db.tables import batch
from testbed.previous_release import previous_revision

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def waiting(url: str, count: int) -> bool:
    """Wait until ``count`` sessions wait for a lock."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with read_once(url) as connection:
            if connection.exec_driver_sql(_WAITING).scalar_one() >= count:
                return True
        time.sleep(0.05)
    return False


def test_an_upgrade_waits_for_open_transactions_and_later_ones_see_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database.open(postgres_url)
    migration.downgrade(postgres_url, previous_revision())
    refused = []

    def begin_later() -> None:
        try:
            all_statuses(db)
        except SchemaNewer as exc:
            refused.append(exc)

    upgrading = threading.Thread(target=migration.upgrade, args=(postgres_url,))
    later = threading.Thread(target=begin_later)
    with monkeypatch.context() as previous_release:
        previous_release.setattr(schema, "HEAD", previous_revision())
        with db.write() as connection:
            upgrading.start()
            assert waiting(postgres_url, 1)
            later.start()
            assert waiting(postgres_url, 2)
            values = {"name": "begun", "priority": "routine", "created_at": datetime.now(UTC)}
            connection.execute(batch.insert().values(values))
        upgrading.join()
        later.join()
    assert len(refused) == 1
    assert [each.batch.name for each in all_statuses(db)] == ["begun"]
    db.dispose()
