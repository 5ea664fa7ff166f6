"""How fast the listener receives, on one core: ``python -m benchmarks.listen``.

Made CR images of 5 MB come over one, four and eight associations at once, from a process for each
association on the other cores. The listener is a process of its own on one core, with an SQLite
database; each image is on the disk, recorded and queued before it is acknowledged.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.pdu_primitives import P_DATA

from benchmarks.errors import BenchmarkError
from scheduler.settings import process_environment

_SIDES = (2048, 1250)  # 5.1 MB
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_UID_LETTERS = 60


def main() -> None:
    """Print Markdown, or send images as one of the senders."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.listen", description=__doc__)
    parser.add_argument("--associations", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--count", type=int, default=240, help="images of each run")
    parser.add_argument("--send", type=int, metavar="PORT", help="send to this port, and end")
    asked = parser.parse_args()
    if asked.send is not None:
        send(asked.send, asked.count)
        return
    print("| associations | images/s | core-ms per image | MB after a third | MB at the end |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    for associations in asked.associations:
        found = measure(associations, asked.count)
        print(  # noqa: T201
            f"| {associations} | {found.rate:.1f} | {found.core_ms:.1f}"
            f" | {found.third_mb:.0f} | {found.most_mb:.0f} |"
        )


class Received(NamedTuple):
    """How fast images were received, what each cost, and the listener's memory at most."""

    rate: float
    core_ms: float
    third_mb: float
    most_mb: float


def measure(associations: int, count: int) -> Received:
    """Receive ``count`` images over so many associations at once."""
    with tempfile.TemporaryDirectory(prefix="thoraq-listening-") as place:
        port = _free_port()
        connections = Path(place) / "connections.toml"
        connections.write_text(
            f'[listen]\naddress = "127.0.0.1"\nport = {port}\n[listen.called.THORAQ]\n', "utf-8"
        )
        connections.chmod(0o600)
        environment = process_environment() | {
            "THORAQ_STATE": f"{place}/state",
            "THORAQ_CONNECTIONS": str(connections),
        }
        upgrade = [sys.executable, "-m", "cli", "db", "upgrade"]
        subprocess.run(upgrade, env=environment, stdout=subprocess.DEVNULL, check=True)
        cores = sorted(os.sched_getaffinity(0))
        listener = psutil.Popen(
            [sys.executable, "-m", "pacs.listener"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, listener)
            listener.cpu_affinity(cores[:1])
            return _sent(port, listener, associations, count, cores[1:] or cores)
        finally:
            listener.terminate()
            listener.wait()


def send(port: int, count: int) -> None:
    """Send images one after another; each has a UID of its own, and was encoded before."""
    held = Dataset()
    held.SOPClassUID = ComputedRadiographyImageStorage
    first = _uid(0)
    held.SOPInstanceUID = first
    held.StudyInstanceUID = generate_uid()
    held.Modality = "CR"
    held.Rows, held.Columns = _SIDES
    held.SamplesPerPixel, held.PhotometricInterpretation = 1, "MONOCHROME2"
    held.BitsAllocated, held.BitsStored, held.HighBit = 16, 12, 11
    held.PixelRepresentation = 0
    noise = np.random.default_rng(os.getpid()).integers(0, 4096, _SIDES, dtype=np.uint16)
    held.PixelData = noise.tobytes()
    held["PixelData"].VR = "OW"
    encoded = encode(held, is_implicit_vr=False, is_little_endian=True) or b""
    ae = ApplicationEntity("SENDER")
    ae.add_requested_context(ComputedRadiographyImageStorage, [ExplicitVRLittleEndian])
    association = ae.associate("127.0.0.1", port, ae_title="THORAQ")
    [context] = association.accepted_contexts
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = ComputedRadiographyImageStorage
    request.AffectedSOPInstanceUID = first
    request.Priority = 0
    request.DataSet = BytesIO(encoded)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    context_id, most = context.context_id or 1, association.dimse.maximum_pdu_size
    stream = b"".join(_pdu(each) for each in message.encode_msg(context_id, most))
    connection: Any = association.dul.socket and association.dul.socket.socket
    association.dul.kill_dul()  # what follows would cost pynetdicom more than the listener
    association.dul.join()
    connection.settimeout(_START_SECONDS)
    for number in range(1, count + 1):
        connection.sendall(stream.replace(first.encode(), _uid(number).encode()))
        if b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\x00" not in _answer(connection):
            raise BenchmarkError("an image was not received; `thoraq listen` says why")
    connection.close()


def _pdu(primitive: P_DATA) -> bytes:
    pdu = P_DATA_TF()
    pdu.from_primitive(primitive)
    return pdu.encode()


def _answer(connection: socket.socket) -> bytes:
    """Return the PDU of an answer, in which (0000,0900) is the status."""
    answer = b""
    while len(answer) < 6 or len(answer) < 6 + int.from_bytes(answer[2:6], "big"):
        received = connection.recv(1 << 16)
        if not received:
            return b""
        answer += received
    return answer


def _sent(
    port: int, listener: psutil.Popen, associations: int, count: int, cores: list[int]
) -> Received:
    each = max(1, count // associations)
    command = [sys.executable, "-m", "benchmarks.listen", "--send", str(port), "--count"]
    began = time.monotonic()
    before, core_before = _received(listener), _core_seconds(listener)
    senders = [psutil.Popen([*command, str(each)]) for _ in range(associations)]
    for sender in senders:
        sender.cpu_affinity(cores)
    third = most = 0.0
    first_at = last_at = began
    while any(sender.poll() is None for sender in senders):
        held = listener.memory_info().rss / 1e6
        most = max(most, held)
        received = _received(listener) - before
        if received < 1e6 * 5:
            first_at = time.monotonic()  # the senders are starting
        if received < each * associations * 5.1e6 / 3:
            third = max(third, held)
        last_at = time.monotonic()
        time.sleep(_LOOK_SECONDS)
    if any(sender.wait() for sender in senders):
        raise BenchmarkError("an image was not received; `thoraq listen` says why")
    images = each * associations
    return Received(
        rate=(images - 1) / (last_at - first_at),
        core_ms=1000 * (_core_seconds(listener) - core_before) / images,
        third_mb=third,
        most_mb=most,
    )


def _core_seconds(listener: psutil.Popen) -> float:
    times = listener.cpu_times()
    return float(times.user + times.system)


def _received(listener: psutil.Popen) -> float:
    """Return the bytes that the listener has written so far."""
    return float(listener.io_counters().write_chars)


def _uid(number: int) -> str:
    """Return a UID of one length whatever its number."""
    text = f"1.2.826.0.1.3680043.10.{os.getpid()}.{10_000_000 + number}."
    return text + "1" * (_UID_LETTERS - len(text))


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    return port


def _wait_for(port: int, listener: psutil.Popen) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and listener.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_LOOK_SECONDS)
    raise BenchmarkError("the listener did not start; run `thoraq listen` to see why")


if __name__ == "__main__":
    main()
