"""What senders of hospitals send is received, kept, measured once, and told apart."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
)
from pynetdicom import AE
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForProcessing,
)

from db.database import Database
from db.tables import batch, file, job, radiograph
from testbed.servers.dicom import Sender
from testbed.tables import rows
from tests.pacs.conftest import Listening, made_object

FILMS = Path(__file__).parents[3] / "shared" / "data" / "dicom"
needs_films = pytest.mark.skipif(not FILMS.is_dir(), reason=f"no radiographs in {FILMS}")
#: storescu offers uncompressed syntaxes alone unless it is told.
OFFERS = {"jpeg_baseline": ["-xy"], "j2k": ["-xw"], "no_preamble": ["-xi"], "leg": ["-xv"]}


def test_an_echo_is_answered_to_those_who_may_call(listening: Listening) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.calling.CR1]\n")
    assert listener.sender.echo().returncode == 0
    stranger = Sender(listener.port, calling="STRANGER").echo()
    assert stranger.returncode != 0
    assert "Calling AE Title Not Recognized" in stranger.stdout + stranger.stderr
    unknown = Sender(listener.port, called="OTHER").echo()
    assert "Called AE Title Not Recognized" in unknown.stdout + unknown.stderr
    for _ in range(3):
        Sender(listener.port, calling="STRANGER").echo()
    listener.stop()
    assert listener.log.count("calling AE title is unknown") == 1
    assert listener.log.count("called AE title is unknown") == 1


def test_an_address_that_a_title_may_not_call_from_is_refused(listening: Listening) -> None:
    listener = listening(
        '[listen.called.THORAQ]\n[listen.calling.CR1]\naddresses = ["10.1.0.0/16"]\n'
        '[listen.calling.DX1]\naddresses = ["10.1.0.0/16", "127.0.0.1"]\n'
    )
    assert listener.sender.echo().returncode != 0
    assert Sender(listener.port, calling="DX1").echo().returncode == 0
    listener.stop()
    assert "may not call from this address" in listener.log


@needs_films
@pytest.mark.parametrize("program", ["dcmsend", "storescu"])
def test_real_files_by_network_are_the_radiographs_of_the_archive(
    listening: Listening, archive: Database, program: str
) -> None:
    listener = listening()
    for each in sorted(FILMS.iterdir()):
        options = next(offer for part, offer in OFFERS.items() if part in each.name)
        if program == "dcmsend":
            sent = listener.sender.dcmsend(each)
        else:
            sent = listener.sender.storescu(each, options=options)
        assert sent.returncode == 0, sent.stdout + sent.stderr
    received = rows(archive, radiograph)
    assert len(received) == len(list(FILMS.iterdir()))
    assert len(listener.kept()) == len(received)
    assert listener.spooled() == []

    submitted = listener.commands.run("submit", FILMS)

    assert submitted.returncode == 0, submitted.stderr
    assert len(rows(archive, radiograph)) == len(received)
    assert len(rows(archive, job)) == len(received)
    digests = {row.sha256 for row in rows(archive, file)}
    assert len(digests) > len(received), "the files differ, and what they hold does not"


def test_an_object_that_is_sent_again_is_kept_and_measured_once(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    made = made_object(tmp_path / "made")
    for _ in range(3):
        assert listener.sender.storescu(made).returncode == 0
    assert len(listener.kept()) == 1
    assert len(rows(archive, radiograph)) == len(rows(archive, job)) == 1
    assert len(rows(archive, file)) == 1


def test_names_in_the_received_folder_hold_nothing_of_the_patient(
    listening: Listening, tmp_path: Path
) -> None:
    listener = listening()
    made = made_object(tmp_path / "made", PatientID="4711", PatientName="DOE^JANE")
    held = pydicom.dcmread(made)
    assert listener.sender.storescu(made).returncode == 0
    [kept] = listener.kept()
    below = str(kept.relative_to(listener.received))
    for each in ("4711", "DOE", str(held.SOPInstanceUID), str(held.StudyInstanceUID)):
        assert each not in below
    listener.stop()
    for each in ("4711", "DOE", str(held.SOPInstanceUID), str(held.StudyInstanceUID)):
        assert each not in listener.log
    assert kept.stat().st_mode & 0o077 == 0


def test_titles_and_the_message_choose_batch_and_priority(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening(
        '[listen.called.THORAQ]\nbatch = "pacs"\n[listen.called.URGENT]\npriority = "urgent"\n'
        '[listen.calling.CR1]\n[listen.calling.ER]\nbatch = "emergency"\npriority = "urgent"\n'
    )
    port = listener.port
    for name, sender in {
        "a.dcm": Sender(port),
        "b.dcm": Sender(port, called="URGENT"),
        "c.dcm": Sender(port, calling="ER"),
    }.items():
        assert sender.storescu(made_object(tmp_path / "made", name)).returncode == 0
    found = {row.name: row.priority for row in rows(archive, batch)}
    assert found == {"pacs": "routine", "URGENT": "urgent", "emergency": "urgent"}
    assert sorted(row.priority for row in rows(archive, job)) == ["routine", "urgent", "urgent"]


def test_an_urgent_message_overtakes_in_a_routine_batch(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    ae = AE("CR1")
    ae.add_requested_context(ComputedRadiographyImageStorage)
    association = ae.associate("127.0.0.1", listener.port, ae_title="THORAQ")
    for name, priority in {"high.dcm": 1, "low.dcm": 2}.items():
        held = pydicom.dcmread(made_object(tmp_path / "made", name))
        assert association.send_c_store(held, priority=priority).Status == 0
    association.release()
    assert [row.priority for row in rows(archive, batch)] == ["urgent"]
    assert [row.priority for row in rows(archive, job)] == ["urgent", "routine"]


def test_the_senders_syntax_is_taken_where_it_is_decoded(listening: Listening) -> None:
    listener = listening()
    for first in (JPEG2000Lossless, JPEGLosslessSV1, ImplicitVRLittleEndian):
        ae = AE("CR1")
        offered = [first, ExplicitVRLittleEndian]
        ae.add_requested_context(DigitalXRayImageStorageForProcessing, offered)
        association = ae.associate("127.0.0.1", listener.port, ae_title="THORAQ")
        [context] = association.accepted_contexts
        assert context.transfer_syntax == [first]
        assert association.acceptor.maximum_length == 128 << 10
        association.release()


def test_reports_are_accepted_where_the_site_says_so(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    report = made_object(
        tmp_path / "made",
        SOPClassUID=ComprehensiveSRStorage,
        Modality="SR",
        spoil=lambda held: delattr(held, "PixelData"),
    )
    refusing = listening()
    assert "no acceptable pres." in refusing.sender.dcmsend(report).stderr
    assert refusing.kept() == []
    refusing.stop()
    assert rows(archive, radiograph) == []
    accepting = listening("foreign = true\n[listen.called.THORAQ]\n")
    assert accepting.sender.dcmsend(report).returncode == 0
    assert len(accepting.kept()) == len(rows(archive, job)) == 1
