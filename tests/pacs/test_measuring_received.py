"""From the network to a result: `thoraq up` runs the listener, and its workers measure."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import generate_uid

from db.database import Database
from db.query.results import find_results
from db.query.status import batch_status
from db.records import ResultFilter
from db.tables import radiograph
from radiograph.records import ReadingNote
from testbed.patience import eventually
from testbed.servers.dicom import ListenerProcess, listens
from testbed.tables import rows
from tests.pacs.conftest import made_object
from tests.pacs.test_receiving import FILMS, needs_films

pytestmark = [pytest.mark.slow]


@contextmanager
def up(listener: ListenerProcess) -> Iterator[subprocess.Popen[str]]:
    """Run `thoraq up` with the listener's connections, until its port answers."""
    process = listener.commands.start("up", "--device", "cpu")
    try:
        assert eventually(lambda: listens(listener.port) or process.poll() is not None)
        assert process.poll() is None, process.communicate()[1]
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
def listener(tmp_path: Path, database_url: str, redis_url: str) -> ListenerProcess:
    """Give the listener that `thoraq up` runs."""
    environment = {"THORAQ_DATABASE_URL": database_url, "THORAQ_BROKER_URL": redis_url}
    return ListenerProcess(tmp_path / "state", environment=environment)


@needs_films
def test_what_was_received_is_measured_as_the_files_are(
    listener: ListenerProcess, archive: Database
) -> None:
    films = sorted(FILMS.iterdir())
    with up(listener):
        for each in films:
            assert listener.sender.dcmsend(each).returncode == 0
        assert eventually(lambda: _ended(archive, "THORAQ", len(films)), 90)
        health = listener.commands.run("health", "listen")
        assert health.returncode == 0, health.stdout
        doctor = listener.commands.run("doctor", "--here").stdout
        assert f"thoraq listens at 127.0.0.1:{listener.port} for THORAQ" in " ".join(doctor.split())
    by_network = {
        each.header.sop_uid: each for each in find_results(archive, ResultFilter(batch="THORAQ"))
    }
    assert by_network
    forgotten = listener.commands.run("forget", "--batch", "THORAQ", "--yes")
    assert forgotten.returncode == 0, forgotten.stderr
    assert rows(archive, radiograph) == []
    ran = listener.commands.run("process", FILMS, "--device", "cpu")
    assert ran.returncode in {0, 7}, ran.stderr
    from_files = {each.header.sop_uid: each for each in find_results(archive, ResultFilter())}
    assert by_network.keys() == from_files.keys()
    for uid, each in by_network.items():
        points, of_file = each.measurement.points, from_files[uid].measurement.points
        assert np.asarray(points) == pytest.approx(np.asarray(of_file), abs=0.5)
        assert each.content_digest == from_files[uid].content_digest
        assert each.sha256 != from_files[uid].sha256


def test_other_pixels_under_one_uid_are_both_kept_and_say_so(
    listener: ListenerProcess, archive: Database, tmp_path: Path
) -> None:
    uid = generate_uid()
    with up(listener):
        for name in ("one.dcm", "two.dcm"):
            made = made_object(tmp_path / "made", name, SOPInstanceUID=uid)
            assert listener.sender.storescu(made).returncode == 0
        assert listener.sender.storescu(made_object(tmp_path / "made", "three.dcm")).returncode == 0
        assert eventually(lambda: _ended(archive, "THORAQ", 3), 90)
    assert len(listener.kept()) == 3
    notes = [row.reading_note or "" for row in rows(archive, radiograph)]
    assert [ReadingNote.SOP_UID_REUSED in each.split() for each in notes] == [True, True, False]


def _ended(archive: Database, name: str, files: int) -> bool:
    status = batch_status(archive, name)
    return status.seen == files and status.open == 0
