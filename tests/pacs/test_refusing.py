"""What is hostile, broken or too large is refused with its status, and leaves nothing behind."""

from __future__ import annotations

import socket
import struct
import subprocess
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
import trustme
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import ComputedRadiographyImageStorage

from db.database import Database
from db.tables import file, radiograph
from pacs.errors import DiskFull, ObjectInvalid, ObjectMismatched, ObjectTooLarge
from testbed.patience import eventually
from testbed.servers.dicom import ListenerProcess
from testbed.tables import rows
from tests.pacs.conftest import Listening, made_object


def associated(listener: ListenerProcess, *syntaxes: str) -> Association:
    ae = AE("CR1")
    ae.add_requested_context(
        ComputedRadiographyImageStorage, list(syntaxes) or [ExplicitVRLittleEndian]
    )
    association = ae.associate("127.0.0.1", listener.port, ae_title="THORAQ")
    assert association.is_established
    return association


def is_clean(listener: ListenerProcess, archive: Database) -> bool:
    """Whether nothing was left on disk and nothing recorded."""
    return (
        listener.kept() == []
        and listener.spooled() == []
        and rows(archive, radiograph) == []
        and rows(archive, file) == []
    )


def send(association: Association, held: Dataset) -> int:
    status = int(association.send_c_store(held).Status)
    association.release()
    return status


def test_an_object_above_the_limit_is_refused_and_the_next_one_taken(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.limits]\nobject_mb = 1\n")
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    held.PixelData = bytes(2 << 20)
    association = associated(listener)
    assert association.send_c_store(held).Status == ObjectTooLarge.status
    assert is_clean(listener, archive)
    assert send(association, pydicom.dcmread(made_object(tmp_path / "made", "b.dcm"))) == 0
    assert len(listener.kept()) == 1


def test_what_never_ends_is_not_read_for_ever(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.limits]\nobject_mb = 1\n")
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    held.PixelData = bytes(16 << 20)
    association = associated(listener)
    assert "Status" not in association.send_c_store(held)
    assert eventually(lambda: association.is_aborted)
    assert is_clean(listener, archive)


@pytest.mark.filterwarnings("ignore:.*UI")  # pydicom's, of the sender
@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.03", "1." + "2" * 70, "1.2.a"])
def test_a_uid_that_is_none_is_refused(
    listening: Listening, archive: Database, tmp_path: Path, uid: str
) -> None:
    listener = listening()
    made = made_object(tmp_path / "made")
    held = pydicom.dcmread(made)
    held.SOPInstanceUID = UID(uid)
    association = associated(listener)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_config.VALIDATORS, "UI", lambda _: (True, ""))
        answer = association.send_c_store(held)
    # What is longer than any UID is no message at all.
    assert answer.get("Status") == (ObjectInvalid.status if len(uid) <= 64 else None)
    assert eventually(lambda: is_clean(listener, archive))


def test_a_data_set_of_another_instance_is_refused(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    association = associated(listener)
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = held.SOPClassUID
    request.AffectedSOPInstanceUID = UID("1.2.3.4.6")
    request.Priority = 2
    request.DataSet = BytesIO(encode(held, is_implicit_vr=False, is_little_endian=True) or b"")
    [context] = association.accepted_contexts
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert answer is not None
    assert answer.Status == ObjectMismatched.status
    association.release()
    assert eventually(lambda: is_clean(listener, archive))


def test_a_deflated_bomb_is_refused(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.limits]\nobject_mb = 4\n")
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    held.PixelData = bytes(64 << 20)
    plain = pydicom.filebase.DicomBytesIO()
    plain.is_little_endian, plain.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(plain, held)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflater.compress(plain.getvalue()) + deflater.flush()
    path = tmp_path / "bomb.dcm"
    meta = pydicom.filebase.DicomBytesIO()
    held.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    pydicom.filewriter.write_file_meta_info(meta, held.file_meta, enforce_standard=False)
    path.write_bytes(bytes(128) + b"DICM" + meta.getvalue() + bomb)
    assert path.stat().st_size < 1 << 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
        association = associated(listener, DeflatedExplicitVRLittleEndian)
        assert association.send_c_store(path).Status == ObjectTooLarge.status
        association.release()
    assert eventually(lambda: is_clean(listener, archive))


def test_an_image_that_would_take_all_memory_is_refused(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    held.Rows = held.Columns = 60_000
    assert send(associated(listener), held) == ObjectTooLarge.status
    assert eventually(lambda: is_clean(listener, archive))


def test_a_transfer_that_ends_in_the_middle_leaves_nothing(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    listener = listening()
    held = pydicom.dcmread(made_object(tmp_path / "made"))
    held.PixelData = bytes(3 << 20)
    association = associated(listener)
    real = association.dul.socket.socket
    sent = 0

    class Cut:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def fileno(self) -> int:
            return int(real.fileno())

        def send(self, data: bytes) -> int:
            nonlocal sent
            sent += len(data)
            if sent > 1 << 20:
                real.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                real.close()
            return int(real.send(data))

    association.dul.socket.socket = Cut()
    association.send_c_store(held)
    assert eventually(lambda: is_clean(listener, archive))
    assert listener.sender.echo().returncode == 0


def test_a_full_disk_is_told_as_such_and_is_not_forever(
    listening: Listening, archive: Database, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        listener = listening(THORAQ_RECEIVED=str(disk / "received"))
        held = pydicom.dcmread(made_object(tmp_path / "made"))
        held.PixelData = bytes(2 << 20)
        association = associated(listener)
        assert association.send_c_store(held).Status == DiskFull.status == 0xA700
        assert is_clean(listener, archive)
        small = pydicom.dcmread(made_object(tmp_path / "made", "small.dcm"))
        assert send(association, small) == 0
        assert len(listener.kept()) == 1
        listener.stop()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_pdu_larger_than_any_agreed_one_ends_the_association(listening: Listening) -> None:
    listener = listening()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as rude:
        rude.sendall(struct.pack(">BBL", 1, 0, 0xFFFFFFF0))
        assert rude.recv(64)[:1] in {b"", b"\x07"}
    assert listener.sender.echo().returncode == 0


def test_only_so_many_associations_are_open_at_once(listening: Listening) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.limits]\nassociations = 2\n")
    open_ones = [associated(listener) for _ in range(2)]
    third = listener.sender.echo()
    assert third.returncode != 0
    assert "Local Limit Exceeded" in third.stdout + third.stderr
    for each in open_ones:
        each.release()
    assert eventually(lambda: listener.sender.echo().returncode == 0)


def test_a_silent_association_is_ended(listening: Listening) -> None:
    listener = listening("[listen.called.THORAQ]\n[listen.limits]\nidle_seconds = 1\n")
    association = associated(listener)
    assert eventually(lambda: not association.is_established, 10)


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    """Give an authority, a certificate of this machine and one of a sender."""
    authority, stranger = trustme.CA(), trustme.CA()
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "server", "client", "stranger")}
    authority.cert_pem.write_to_path(paths["ca"])
    made = {
        "server": authority.issue_cert("localhost", "127.0.0.1"),
        "client": authority.issue_cert("cr1.hospital"),
        "stranger": stranger.issue_cert("cr1.hospital"),
    }
    for name, each in made.items():
        each.private_key_and_cert_chain_pem.write_to_path(paths[name])
    return paths


def test_tls_asks_for_certificates_of_the_authority(
    listening: Listening, certificates: dict[str, Path]
) -> None:
    tls = (
        f'certificate = "{certificates["server"]}"\nkey = "{certificates["server"]}"\n'
        f'ca = "{certificates["ca"]}"\nclient_certificate = true\n'
    )
    listener = listening(f"[listen.called.THORAQ]\n[listen.tls]\n{tls}")

    def echo(name: str) -> int:
        own = str(certificates[name])
        return listener.sender.echo("+tls", own, own, "+cf", str(certificates["ca"])).returncode

    assert echo("client") == 0
    assert echo("stranger") != 0
    assert listener.sender.echo().returncode != 0, "a plain association is no TLS"
    assert echo("client") == 0
    listener.stop()
    assert listener.log.count("no TLS, or no certificate that is trusted") == 1
