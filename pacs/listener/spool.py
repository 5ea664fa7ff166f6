"""The spool: objects while they are received, on the disk where they will be kept."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom.dsutils import create_file_meta

from pacs.errors import DiskFull, NotStored, ObjectRefused, ObjectTooLarge

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: Below a PDU, which is then written as it came.
_BUFFER_BYTES = 1 << 16


class Incoming:
    """One object that is being received: a file of the spool, until it is kept or discarded.

    ``limit_bytes``: more is read, so that the sender hears why, and not written.
    """

    def __init__(self, folder: Path, meta: bytes, limit_bytes: int) -> None:
        self.path = folder / f"{uuid4().hex}.dcm"
        self.refusal: ObjectRefused | None = None
        self.received_bytes = 0
        self._limit_bytes = limit_bytes
        self._file: BinaryIO | None = None
        try:
            self._file = self.path.open("xb", buffering=_BUFFER_BYTES)
            self._file.write(meta)
        except OSError as exc:
            self._give_up(refusal_of(exc))

    def write(self, data: bytes | memoryview) -> None:
        """Take what came next; whatever goes wrong is told by `close`."""
        self.received_bytes += len(data)
        if self._file is None:
            return
        if self.received_bytes > self._limit_bytes:
            most = self._limit_bytes >> 20
            self._give_up(ObjectTooLarge.because(f"over {most} MB"))
            return
        try:
            self._file.write(data)
        except OSError as exc:
            self._give_up(refusal_of(exc))

    def close(self) -> None:
        """Bring the whole object to the disk. Raises ObjectRefused."""
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._file = None
            except OSError as exc:
                self._give_up(refusal_of(exc))
        if self.refusal is not None:
            raise self.refusal

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _give_up(self, refusal: ObjectRefused) -> None:
        self.refusal = refusal
        self.discard()


def refusal_of(error: OSError) -> ObjectRefused:
    """Return how a sender hears of an error of the disk."""
    if error.errno in _FULL:
        return DiskFull()
    return NotStored.because(error.strerror or "I/O error")


def file_head(sop_class: str, sop_uid: str, syntax: str) -> bytes:
    """Return preamble, prefix and file meta information of an object that is to be received."""
    head = DicomBytesIO()
    head.write(b"\0" * 128 + b"DICM")
    meta = create_file_meta(
        sop_class_uid=UID(sop_class), sop_instance_uid=UID(sop_uid), transfer_syntax=UID(syntax)
    )
    write_file_meta_info(head, meta)
    return head.getvalue()
