"""Waiting for the database: a line when it stops answering, a line when it answers again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from db.database import Database, engine_of
from db.errors import BatchUnknown, DatabaseAway, DatabaseBusy, DatabaseError
from db.intake import open_batch
from db.query.status import batch_status
from db.records import Batch
from db.states import Priority
from scheduler.database_wait import PAUSE_SECONDS, AbsenceNote, until_answered


class Writer:
    """Another process's transaction, which lets nobody else write until it ends."""

    def __init__(self, url: str) -> None:
        self._engine = engine_of(url).execution_options(thoraq_writing=True)
        self._held = ExitStack()
        self._held.enter_context(self._engine.begin())

    def end(self) -> None:
        """Let others write."""
        self._held.close()
        self._engine.dispose()


@pytest.fixture
def busy(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Database, Writer]]:
    """Give a database that takes no writes until the writer ends."""
    monkeypatch.setattr("db.engine._BUSY_TIMEOUT_MS", 10)
    database, writer = Database.open(sqlite_url), Writer(sqlite_url)
    yield database, writer
    writer.end()
    database.dispose()


def fail_to_wait(seconds: float) -> None:
    raise AssertionError(f"waits {seconds} s")


def opened(database: Database) -> Batch:
    return open_batch(database, "tonight", Priority.ROUTINE)


def test_an_absence_is_logged_once_and_so_is_the_return(busy: tuple[Database, Writer]) -> None:
    database, writer = busy
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            writer.end()

    with capture_logs() as logs:
        batch = until_answered(lambda: opened(database), wait)
    assert batch.name == "tonight"
    assert waits == [PAUSE_SECONDS] * 3
    assert [(line["event"], line.get("code")) for line in logs] == [
        ("waiting for the database", DatabaseBusy.code),
        ("the database answers again", None),
    ]


def test_an_answer_at_once_logs_nothing(database: Database) -> None:
    with capture_logs() as logs:
        assert until_answered(lambda: opened(database), fail_to_wait).name == "tonight"
    assert logs == []


def test_what_the_wait_raises_ends_it(busy: tuple[Database, Writer]) -> None:
    database, _ = busy

    def wait(seconds: float) -> None:
        raise InterruptedError(seconds)

    with pytest.raises(InterruptedError):
        until_answered(lambda: opened(database), wait)


def test_an_error_that_no_wait_mends_is_raised_at_once(database: Database) -> None:
    with pytest.raises(BatchUnknown):
        until_answered(lambda: batch_status(database, "none"), fail_to_wait)


def test_a_note_of_its_own_is_called_after_each_attempt_and_logs_nothing(
    busy: tuple[Database, Writer],
) -> None:
    database, writer = busy
    codes: list[str] = []

    def note(error: DatabaseError) -> None:
        codes.append(error.code)
        if len(codes) == 2:
            writer.end()

    with capture_logs() as logs:
        until_answered(lambda: opened(database), lambda _: None, note)
    assert codes == [DatabaseBusy.code] * 2
    assert logs == []


def test_another_reason_is_another_line() -> None:
    absence = AbsenceNote("upkeep waits", "upkeep goes on")
    with capture_logs() as logs:
        absence.end()
        for error in (DatabaseAway(), DatabaseAway(), DatabaseBusy()):
            absence.note(error)
        absence.end()
        absence.end()
    assert [(line["event"], line.get("code")) for line in logs] == [
        ("upkeep waits", DatabaseAway.code),
        ("upkeep waits", DatabaseBusy.code),
        ("upkeep goes on", None),
    ]
