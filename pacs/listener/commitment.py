"""Storage commitment: what we keep is promised, what we do not know is named (PS3.4 annex J)."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DatasetSequence
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.events import Event

from db.archive import is_hashed
from db.database import Database
from db.received import paths_by_uid
from pacs.connection import client_tls
from pacs.listener.contexts import StorageCommitmentPushModel
from radiograph.errors import ThoraqError
from radiograph.instance import is_uid
from scheduler.connections import Connections, Node

_log = structlog.stdlib.get_logger(__name__)

_REQUEST = 1  # action type: request storage commitment
_ALL_KEPT, _SOME_FAILED = 1, 2  # event types
_NO_SUCH_OBJECT, _PROCESSING_FAILURE = 0x0112, 0x0110
_INSTANCE = "1.2.840.10008.1.20.1.1"
_MOST_OBJECTS = 100_000
#: A report follows the answer of its request on the same association, if that stays open so long.
_FOLLOWS_SECONDS = 0.2
_TRIES, _PAUSE_SECONDS = 3, 5.0


@dataclass(frozen=True, slots=True)
class _Report:
    association: Association
    transaction: str
    kept: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]


class Commitment:
    """Answers requests, and reports to the association that asked, or to its node of the file."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._nodes = connections.nodes
        self._reports: queue.Queue[_Report | None] = queue.Queue(maxsize=1000)
        self._thread = threading.Thread(target=self._run, name="commitment", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Report what was asked for, and end."""
        self._reports.put(None)
        self._thread.join(_PAUSE_SECONDS)

    def answer(self, event: Event) -> tuple[int, None]:
        """Take a request; return the status of the answer."""
        asked = event.action_information
        transaction = str(asked.get("TransactionUID", ""))
        if event.action_type != _REQUEST:
            return 0x0123, None  # no such action
        items = list(asked.get("ReferencedSOPSequence") or [])
        if not is_uid(transaction) or not items or len(items) > _MOST_OBJECTS:
            return 0x0115, None  # invalid argument value
        named = tuple(map(_named, items))
        try:
            found = paths_by_uid(self._database, [uid for _, uid in named if is_uid(uid)])
        except ThoraqError as exc:
            _log.warning("a storage commitment waits for the database", code=exc.code)
            return 0x0213, None  # resource limitation: asked again later
        kept = tuple(each for each in named if _is_kept(found.get(each[1], ())))
        failed = tuple(each for each in named if each not in set(kept))
        self._reports.put(_Report(event.assoc, transaction, kept, failed))
        return 0x0000, None

    def _run(self) -> None:
        while (report := self._reports.get()) is not None:
            time.sleep(_FOLLOWS_SECONDS)
            if not self._on_same_association(report):
                self._on_new_association(report)

    def _on_same_association(self, report: _Report) -> bool:
        if not report.association.is_established:
            return False
        try:
            return _send(report.association, report)
        except (RuntimeError, ValueError):
            return False  # released meanwhile

    def _on_new_association(self, report: _Report) -> None:
        calling = str(report.association.requestor.ae_title).strip()
        node = next((each for each in self._nodes.values() if each.title == calling), None)
        if node is None or node.host is None or node.port is None:
            _log.warning("a storage commitment has no node to report to", calling=calling)
            return
        for _ in range(_TRIES):
            if _reported(node, report):
                return
            time.sleep(_PAUSE_SECONDS)
        _log.warning("a storage commitment could not be reported", calling=calling)


def _reported(node: Node, report: _Report) -> bool:
    from pynetdicom.presentation import build_role  # noqa: PLC0415 - of a few requests

    ae = ApplicationEntity(node.calling)
    ae.add_requested_context(StorageCommitmentPushModel)
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    association = ae.associate(
        str(node.host),
        int(node.port or 0),
        ae_title=str(node.title),
        ext_neg=[role],
        tls_args=client_tls(node),
    )
    if not association.is_established:
        return False
    try:
        return _send(association, report)
    except (RuntimeError, ValueError):
        return False
    finally:
        association.release()


def _send(association: Association, report: _Report) -> bool:
    told = Dataset()
    told.TransactionUID = report.transaction
    if report.kept:
        told.ReferencedSOPSequence = DatasetSequence(_item(*each) for each in report.kept)
    if report.failed:
        told.FailedSOPSequence = DatasetSequence(
            _item(*each, failure=_NO_SUCH_OBJECT) for each in report.failed
        )
    kind = _SOME_FAILED if report.failed else _ALL_KEPT
    status, _ = association.send_n_event_report(told, kind, StorageCommitmentPushModel, _INSTANCE)
    return bool(status) and status.Status == 0x0000


def _named(item: Dataset) -> tuple[str, str]:
    """Return the SOP class and instance that an item of a request refers to."""
    return str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", ""))


def _item(sop_class: str, sop_uid: str, failure: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_uid
    if failure is not None:
        item.FailureReason = failure
    return item


def _is_kept(paths: Sequence[str]) -> bool:
    """Whether an object is on the disk; a path that is not kept cannot be looked at."""
    return any(is_hashed(path) or Path(path).is_file() for path in paths)
