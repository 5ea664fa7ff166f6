"""The listener killed in the middle of its work: what it acknowledged is there, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.sop_class import ComputedRadiographyImageStorage
from sqlalchemy import text

from db.database import Database
from db.tables import file, job, radiograph
from testbed.patience import eventually
from testbed.servers.dicom import ListenerProcess, listens
from testbed.tables import rows
from tests.pacs.conftest import Listening, made_object

ASSOCIATIONS, EACH = 8, 25
#: What makes a database refuse files, and what undoes it.
REFUSING_ON_SQLITE = (
    "CREATE TRIGGER refusing BEFORE INSERT ON file BEGIN SELECT RAISE(ABORT, 'no'); END",
    "DROP TRIGGER refusing",
)
REFUSING = (
    "ALTER TABLE file ADD CONSTRAINT refusing CHECK (false) NOT VALID",
    "ALTER TABLE file DROP CONSTRAINT refusing",
)


def test_all_that_was_acknowledged_before_a_kill_is_there_once(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    made = [
        [made_object(tmp_path / "made", f"{line}-{number}.dcm") for number in range(EACH)]
        for line in range(ASSOCIATIONS)
    ]
    acknowledged: set[str] = set()
    enough = threading.Event()
    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        sending = [
            pool.submit(send_all, listener.port, some, acknowledged, enough) for some in made
        ]
        assert enough.wait(60)
        listener.kill()
        for each in sending:
            each.result()
    assert 0 < len(acknowledged) < ASSOCIATIONS * EACH, "it was killed too early or too late"

    # What was not acknowledged is gone or goes unnoticed; what was, is recorded and on disk.
    listener.start()
    assert eventually(lambda: listener.spooled() == []), "swept before the first association"
    recorded = {row.sop_uid: row for row in rows(archive, radiograph)}
    assert acknowledged <= recorded.keys()
    on_disk = {str(path) for path in listener.kept()}
    assert on_disk == {row.path for row in rows(archive, file)}

    for some in made:
        assert listener.sender.storescu(*some).returncode == 0
    everything = {str(pydicom.dcmread(path).SOPInstanceUID) for some in made for path in some}
    assert {row.sop_uid for row in rows(archive, radiograph)} == everything
    assert len(rows(archive, radiograph)) == len(rows(archive, job)) == len(everything)
    assert len(listener.kept()) == len(everything)
    assert len(rows(archive, file)) == len(everything)


def send_all(port: int, files: list[Path], acknowledged: set[str], enough: threading.Event) -> None:
    """Send until the listener is gone; note what it answered success to."""
    ae = AE("CR1")
    ae.add_requested_context(ComputedRadiographyImageStorage, [ExplicitVRLittleEndian])
    ae.acse_timeout = ae.dimse_timeout = 5
    association = ae.associate("127.0.0.1", port, ae_title="THORAQ")
    for each in files:
        if not association.is_established:
            break
        held = pydicom.dcmread(each)
        try:
            status = association.send_c_store(held)
        except (RuntimeError, ValueError):
            break
        if status.get("Status") == 0:
            acknowledged.add(str(held.SOPInstanceUID))
        if len(acknowledged) >= ASSOCIATIONS * EACH // 3:
            enough.set()
    if association.is_established:
        association.release()
    left = association.dul.socket.socket
    if left is not None:
        left.close()  # pynetdicom leaves it open once the peer has gone


def test_sigterm_answers_what_was_received_and_ends_within_seconds(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    made = [made_object(tmp_path / "made", f"{number}.dcm") for number in range(40)]
    acknowledged: set[str] = set()
    enough = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        sending = [
            pool.submit(send_all, listener.port, some, acknowledged, enough)
            for some in (made[:20], made[20:])
        ]
        assert eventually(lambda: len(acknowledged) > 4)
        assert listener.stop() < 10
        for each in sending:
            each.result()
    assert {row.sop_uid for row in rows(archive, radiograph)} == acknowledged
    assert listener.spooled() == []
    assert len(listener.kept()) == len(acknowledged)


def test_a_port_that_is_taken_is_named(listening: Listening) -> None:
    listener = listening()
    second = listener.commands.run("listen")
    assert second.returncode == 2
    assert "listener-port-unusable" in second.stderr
    assert listens(listener.port)


def test_without_a_listen_section_it_says_what_to_set(tmp_path: Path) -> None:
    listener = ListenerProcess(tmp_path / "state")
    listener.connections.write_text("", encoding="utf-8")
    ran = listener.commands.run("listen")
    assert ran.returncode == 2
    assert "listen-not-configured" in ran.stderr


def test_a_database_that_takes_nothing_costs_the_object_and_not_the_listener(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    first, second = (made_object(tmp_path / "made", name) for name in ("a.dcm", "b.dcm"))
    assert listener.sender.storescu(first).returncode == 0
    with refusing_files(archive):
        answer = listener.sender.storescu(second)
        assert "OutOfResources" in answer.stderr, "so that the sender tries again"
        assert len(listener.kept()) == 1
        assert listener.spooled() == []
    assert listener.sender.storescu(second).returncode == 0
    assert len(listener.kept()) == len(rows(archive, radiograph)) == 2


@contextmanager
def refusing_files(archive: Database) -> Iterator[None]:
    """Have the database itself refuse every row of a file."""
    refuse, allow = REFUSING
    with archive.write() as connection:
        if connection.dialect.name == "sqlite":
            refuse, allow = REFUSING_ON_SQLITE
        connection.execute(text(refuse))
    yield
    with archive.write() as connection:
        connection.execute(text(allow))


def test_it_starts_again_and_again(listening: Listening) -> None:
    listener = listening()
    for _ in range(3):
        listener.stop()
        listener.start()
        assert listener.sender.echo().returncode == 0
