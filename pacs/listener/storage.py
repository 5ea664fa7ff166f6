"""C-STORE: an object is checked, given its name on disk, recorded, and only then acknowledged."""

from __future__ import annotations

import threading
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from db.database import Database
from db.records import FileStat, SeenFile
from pacs.errors import (
    ListenerStopping,
    NotStored,
    ObjectInvalid,
    ObjectMismatched,
    ObjectRefused,
    ObjectTooLarge,
    ObjectTruncated,
)
from pacs.listener.admission import Admission
from pacs.listener.log_lines import LogLines
from pacs.listener.reception import Reception
from pacs.listener.recording import Recorder
from pacs.listener.shelf import Shelf
from pacs.listener.spool import Incoming, refusal_of
from radiograph.errors import ThoraqError
from radiograph.instance import Instance, is_uid
from scheduler.intake.content import look_into
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

SUCCESS = 0x0000
_BLOCK_BYTES = 1 << 20


class Storage:
    """Stores objects for every association. ``limit_bytes``: of one object, inflated."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        shelf: Shelf,
        recorder: Recorder,
        lines: LogLines,
        limit_bytes: int,
    ) -> None:
        self._database = database
        self._settings = settings
        self._shelf = shelf
        self._recorder = recorder
        self._lines = lines
        self._limit_bytes = limit_bytes
        self._at_work = 0
        self._idle = threading.Condition()
        self.stopping = False

    def answer(self, event: Event, admission: Admission) -> int | Dataset:
        """Store the object of a C-STORE request; return the status of the answer."""
        with self._idle:
            self._at_work += 1
        try:
            return self._answer(event, admission)
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()

    def settle(self, seconds: float) -> bool:
        """Take nothing more, and wait until what is at work was answered."""
        self.stopping = True
        with self._idle:
            return self._idle.wait_for(lambda: self._at_work == 0, seconds)

    def _answer(self, event: Event, admission: Admission) -> int | Dataset:
        reception, request = event.assoc.dimse, cast("C_STORE", event.request)
        incoming = None
        if isinstance(reception, Reception):
            incoming = reception.take(int(request.MessageID or 0))
        try:
            self._store(event, admission, incoming)
        except ObjectRefused as exc:
            return self._refused(exc, admission)
        except ThoraqError as exc:
            _log.warning("an object was not recorded", code=exc.code)
            return self._refused(NotStored(), admission)
        except OSError as exc:
            return self._refused(refusal_of(exc), admission)
        except Exception as exc:  # noqa: BLE001 - a fault costs its object alone
            _log.exception("an object was not stored", error=type(exc).__name__)
            return self._refused(NotStored(), admission)
        finally:
            if incoming is not None:
                incoming.discard()
        self._lines.stored(admission)
        return SUCCESS

    def _refused(self, refusal: ObjectRefused, admission: Admission) -> Dataset:
        self._lines.refused_object(refusal, admission)
        answer = Dataset()
        answer.Status = refusal.status
        answer.ErrorComment = refusal.code
        return answer

    def _store(self, event: Event, admission: Admission, incoming: Incoming | None) -> None:
        if self.stopping:
            raise ListenerStopping
        if incoming is None:
            raise ObjectTruncated.because("no data set")
        incoming.close()
        request = cast("C_STORE", event.request)
        sop_class, sop_uid = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        if not is_uid(sop_class) or not is_uid(sop_uid):
            raise ObjectInvalid.because("a UID of the request is invalid")
        if event.context.transfer_syntax == DeflatedExplicitVRLittleEndian:
            self._check_inflated(incoming.path)
        seen, instance = self._looked_into(incoming.path)
        _check_same(instance, sop_class, sop_uid)
        sides = (instance.rows or 0) * (instance.columns or 0)
        if sides > self._settings.max_megapixels * 1_000_000:
            raise ObjectTooLarge.because(f"{sides // 1_000_000} megapixels")
        kept = self._shelf.kept(self._database, instance.digest)
        target = kept or self._shelf.path_of(instance, datetime.now(UTC))
        fresh = kept is None and self._shelf.keep(incoming.path, target)
        try:
            stat = target.stat()
            found = FileStat(str(target), stat.st_size, stat.st_mtime_ns)
            priority = admission.priority_of(request.Priority)
            self._recorder.record(admission.batch, priority, replace(seen, stat=found))
        except BaseException:
            if fresh:
                target.unlink(missing_ok=True)
            raise

    def _looked_into(self, path: Path) -> tuple[SeenFile, Instance]:
        stat = path.stat()
        met = FileStat(str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        seen = look_into(met, max(self._settings.max_file_mb, (self._limit_bytes >> 20) + 1))
        if seen.refusal is not None and not seen.refusal.permanent:
            raise NotStored.because(seen.refusal.code)
        if seen.refusal is not None or seen.instance is None:
            raise ObjectInvalid.because("its elements cannot be followed to the end")
        return seen, seen.instance

    def _check_inflated(self, path: Path) -> None:
        """Inflate a deflated object, keeping nothing. Raises ObjectTooLarge, ObjectInvalid."""
        from radiograph.reading.dicom_meta import file_meta  # noqa: PLC0415 - few are deflated

        with path.open("rb") as file:
            file.seek(file_meta(file.read(1 << 16)).start)
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            total = 0
            ahead = b""
            try:
                while not inflater.eof and (ahead or (ahead := file.read(_BLOCK_BYTES))):
                    total += len(inflater.decompress(ahead, _BLOCK_BYTES))
                    ahead = inflater.unconsumed_tail
                    if total > self._limit_bytes:
                        raise ObjectTooLarge.because(
                            f"over {self._limit_bytes >> 20} MB once inflated"
                        )
            except zlib.error as exc:
                raise ObjectInvalid.because("it cannot be inflated") from exc
            if not inflater.eof:
                raise ObjectTruncated.because("its deflated data set has no end")


def _check_same(instance: Instance, sop_class: str, sop_uid: str) -> None:
    """Check that a data set is what its request says. Raises ObjectMismatched."""
    if instance.sop_uid not in {None, sop_uid}:
        raise ObjectMismatched.because("another SOP Instance UID")
    if instance.sop_class not in {None, sop_class}:
        raise ObjectMismatched.because("another SOP Class UID")
