"""Reception: the data sets of C-STORE requests go to the spool as they come, block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.pdu_primitives import P_DATA

from pacs.listener.spool import Incoming, file_head
from radiograph.instance import is_uid

_log = structlog.stdlib.get_logger(__name__)

#: The control header of a fragment (PS3.8 E.2): a command, and the last of its kind.
_COMMAND, _LAST = 1, 2
#: An event of the state machine (PS3.8 9.2.2), which answers by A-P-ABORT.
_INVALID_PDU = "Evt19"
#: An object that exceeds its limit so many times over is not waited for.
_PATIENCE = 4


class Reception(DIMSEServiceProvider):
    """The DIMSE provider of one association, which keeps no data set in memory."""

    def __init__(self, assoc: Association, folder: Path, limit_bytes: int) -> None:
        super().__init__(assoc)
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._current: Incoming | None = None
        self._complete: dict[int, Incoming] = {}

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take fragments; those of stored data sets are written, all others decoded."""
        try:
            for context_id, data in primitive.presentation_data_value_list:
                self._receive(context_id, data)
        except Exception as exc:  # noqa: BLE001 - whatever a peer sends, it ends its association alone
            _log.warning("an association sent what cannot be read", error=type(exc).__name__)
            self.dul.event_queue.put(_INVALID_PDU)

    def _receive(self, context_id: int, data: bytes) -> None:
        fragment = data
        if not data[0] & _COMMAND and isinstance(self.message, C_STORE_RQ):
            self._write(context_id, data)
            fragment = data[:1]
        one = P_DATA()
        one.presentation_data_value_list = [[context_id, fragment]]  # type: ignore[list-item] # a tuple is refused
        super().receive_primitive(one)

    def take(self, message_id: int) -> Incoming | None:
        """Return the object of a C-STORE request; it is the caller's to discard."""
        return self._complete.pop(message_id, None)

    def discard(self) -> None:
        """Leave nothing behind of what was never complete, or never asked for."""
        current, self._current = self._current, None
        for each in [*self._complete.values(), *([] if current is None else [current])]:
            each.discard()
        self._complete.clear()

    def _write(self, context_id: int, data: bytes) -> None:
        message: Any = self.message
        if self._current is None:
            self._current = Incoming(
                self._folder, self._head(context_id, message), self._limit_bytes
            )
        self._current.write(memoryview(data)[1:])
        if self._current.received_bytes > _PATIENCE * self._limit_bytes:
            self.dul.event_queue.put(_INVALID_PDU)
        if data[0] & _LAST:
            message_id = int(message.command_set.get("MessageID", 0) or 0)
            if (former := self._complete.pop(message_id, None)) is not None:
                former.discard()
            self._complete[message_id] = self._current
            self._current = None

    def _head(self, context_id: int, message: Any) -> bytes:
        command = message.command_set
        uids = [
            str(command.get(each, "") or "")
            for each in ("AffectedSOPClassUID", "AffectedSOPInstanceUID")
        ]
        syntaxes = [
            str(each.transfer_syntax[0])
            for each in self.assoc.accepted_contexts
            if each.context_id == context_id
        ]
        # What is no UID is refused once the object was received; nothing is called by it.
        sop_class, sop_uid, syntax = (
            each if is_uid(each) else "0.0" for each in (*uids, *(syntaxes or [""]))
        )
        return file_head(sop_class, sop_uid, syntax)
