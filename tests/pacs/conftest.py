"""What tests of the listener share: peers, and a listener on either database."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from db.database import Database
from testbed.dicom_files import make_dicom
from testbed.servers.dicom import ListenerProcess, NoPeer, peer

Listening = Callable[..., ListenerProcess]


@pytest.fixture(scope="session", autouse=True)
def peers() -> None:
    """Skip without the peers on a laptop; fail in CI."""
    try:
        for each in ("storescu", "dcmsend", "echoscu", "Orthanc"):
            peer(each)
    except NoPeer as missing:
        if os.environ.get("CI"):  # noqa: TID251 - this is the edge of the test process
            raise
        pytest.skip(str(missing))


@pytest.fixture
def listening(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Listening]:
    """Give what starts a listener, on SQLite and on PostgreSQL."""
    with ExitStack() as stack:

        def start(
            sections: str = "[listen.called.THORAQ]\n", *, port: int | None = None, **extra: str
        ) -> ListenerProcess:
            environment = {
                "THORAQ_DATABASE_URL": database_url,
                "THORAQ_BROKER_URL": redis_url,
                "THORAQ_STATE": str(tmp_path / "state"),
                **extra,
            }
            made = ListenerProcess(tmp_path / "state", sections, environment=environment, port=port)
            return stack.enter_context(made)

        yield start


@pytest.fixture
def archive(database_url: str) -> Iterator[Database]:
    """Give the database that the listener writes to."""
    opened = Database.open(database_url)
    yield opened
    opened.dispose()


def made_object(folder: Path, name: str = "made.dcm", **elements: object) -> Path:
    """Write a small CR image with UIDs of its own."""
    seed = zlib.crc32(name.encode())
    stored = np.random.default_rng(seed).integers(0, 4096, (160, 144), dtype=np.uint16)
    held = {
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "BitsStored": 12,
        **elements,
    }
    folder.mkdir(exist_ok=True)
    made = pydicom.dcmread(io.BytesIO(make_dicom(stored, syntax=ExplicitVRLittleEndian, **held)))
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    path = folder / name
    made.save_as(path)
    return path
