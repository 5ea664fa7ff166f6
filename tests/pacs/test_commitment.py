"""Storage commitment: what is kept is promised, what is not known is named."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, evt
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import StorageCommitmentPushModel

from testbed.dicom_files import CR
from testbed.patience import eventually
from testbed.servers.dicom import Orthanc, free_port
from tests.pacs.conftest import Listening, made_object

WELL_KNOWN = UID("1.2.840.10008.1.20.1.1")


def request_for(*uids: str) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CR, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


class Asker:
    """A node that asks for commitments and takes the reports."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, Dataset]] = []
        self.ae = AE("ASKER")
        self.ae.add_requested_context(StorageCommitmentPushModel)
        self.ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        self.handlers = [(evt.EVT_N_EVENT_REPORT, self._told)]

    def _told(self, event: evt.Event) -> tuple[int, None]:
        self.reports.append((event.event_type, event.event_information))
        return 0x0000, None

    def ask(self, port: int, asked: Dataset, *, wait: bool) -> int:
        """Ask for a commitment, and wait for the report before the association is released."""
        association = self.ae.associate(
            "127.0.0.1",
            port,
            ae_title="THORAQ",
            ext_neg=[build_role(StorageCommitmentPushModel, scu_role=True)],
            evt_handlers=self.handlers,
        )
        assert association.is_established
        status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, WELL_KNOWN)
        if wait:
            assert eventually(lambda: self.reports, 20)
        association.release()
        return int(status.Status)


def test_the_report_on_the_same_association_names_what_is_kept_and_what_is_not(
    listening: Listening, tmp_path: Path
) -> None:
    listener = listening()
    made = made_object(tmp_path / "made")
    assert listener.sender.storescu(made).returncode == 0
    kept, unknown = str(pydicom.dcmread(made).SOPInstanceUID), str(generate_uid())
    asker, asked = Asker(), request_for(kept, unknown)
    assert asker.ask(listener.port, asked, wait=True) == 0
    [(kind, report)] = asker.reports
    assert kind == 2
    assert report.TransactionUID == asked.TransactionUID
    assert [each.ReferencedSOPInstanceUID for each in report.ReferencedSOPSequence] == [kept]
    [failed] = report.FailedSOPSequence
    assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (unknown, 0x0112)


def test_after_the_association_was_released_the_report_goes_to_its_node(
    listening: Listening, tmp_path: Path
) -> None:
    port = free_port()
    listener = listening(
        "[listen.called.THORAQ]\n"
        f'[nodes.asker]\ntitle = "ASKER"\nhost = "127.0.0.1"\nport = {port}\n'
    )
    made = made_object(tmp_path / "made")
    assert listener.sender.storescu(made).returncode == 0
    asker = Asker()
    server = asker.ae.start_server(("127.0.0.1", port), block=False, evt_handlers=asker.handlers)
    try:
        asked = request_for(str(pydicom.dcmread(made).SOPInstanceUID))
        assert asker.ask(listener.port, asked, wait=False) == 0
        assert eventually(lambda: asker.reports, 30)
    finally:
        server.shutdown()
    [(kind, report)] = asker.reports
    assert kind == 1
    assert "FailedSOPSequence" not in report


def test_an_object_whose_file_is_gone_is_not_promised(listening: Listening, tmp_path: Path) -> None:
    listener = listening()
    made = made_object(tmp_path / "made")
    assert listener.sender.storescu(made).returncode == 0
    [kept] = listener.kept()
    kept.unlink()
    asker = Asker()
    asker.ask(listener.port, request_for(str(pydicom.dcmread(made).SOPInstanceUID)), wait=True)
    assert asker.reports[0][0] == 2


def test_a_real_archive_gets_its_commitment(listening: Listening, tmp_path: Path) -> None:
    listener_port = free_port()
    with Orthanc(tmp_path / "orthanc", listener_port) as orthanc:
        node = f'title = "{orthanc.title}"\nhost = "127.0.0.1"\nport = {orthanc.dicom_port}\n'
        listener = listening(f"[listen.called.THORAQ]\n[nodes.orthanc]\n{node}", port=listener_port)
        made = made_object(tmp_path / "made")
        kept = orthanc.ask("POST", "/instances", made.read_bytes())
        sent = orthanc.ask("POST", "/modalities/thoraq/store", {"Resources": [kept["ID"]]})
        assert sent["FailedInstancesCount"] == 0
        assert len(listener.kept()) == 1
        asked = orthanc.ask(
            "POST", "/modalities/thoraq/storage-commitment", {"Resources": [kept["ID"]]}
        )
        report: dict[str, object] = {}

        def answered() -> bool:
            report.update(orthanc.ask("GET", asked["Path"]))
            return report["Status"] != "Pending"

        assert eventually(answered, 30)
        assert report["Status"] == "Success"
        held = pydicom.dcmread(io.BytesIO(made.read_bytes()))
        assert [each["SOPInstanceUID"] for each in report["Success"]] == [held.SOPInstanceUID]
