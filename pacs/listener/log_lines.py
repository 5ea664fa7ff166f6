"""What the listener logs: refusals once a kind, objects by the association."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

import structlog

from pacs.errors import ObjectRefused
from pacs.listener.admission import Admission, Reason
from scheduler.terminal import printable

_log = structlog.stdlib.get_logger(__name__)

#: Kinds that are remembered; whoever makes up titles fills no log.
_MOST_KINDS = 1000

_Kind = tuple[str, ...]


class LogLines:
    """Writes the log of all associations, and counts what it does not repeat."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: Counter[_Kind] = Counter()
        self._stored: Counter[_Kind] = Counter()

    @property
    def refusals(self) -> Mapping[_Kind, int]:
        """How often each kind was refused: reason or code, calling title, called title, address."""
        with self._lock:
            return dict(self._refused)

    def refused(self, reason: Reason, address: str, calling: str = "", called: str = "") -> None:
        """Log an association that is refused, the first of its kind."""
        calling, called = printable(calling), printable(called)
        if self._is_first((reason.value, calling, called, address)):
            _log.warning(
                "an association was refused",
                reason=reason.value,
                calling=calling,
                called=called,
                address=address,
            )

    def refused_object(self, refusal: ObjectRefused, admission: Admission) -> None:
        """Log an object that is refused, the first of its kind."""
        kind = (refusal.code, admission.calling, admission.called, admission.address)
        if self._is_first(kind):
            _log.warning(
                "an object was refused",
                batch=admission.batch,
                code=refusal.code,
                found=str(refusal),
                calling=printable(admission.calling),
                address=admission.address,
            )

    def stored(self, admission: Admission) -> None:
        """Count an object that was stored."""
        with self._lock:
            self._stored[admission.calling, admission.address] += 1

    def ended(self, admission: Admission) -> None:
        """Log what came from a sender, as one of its associations ends."""
        with self._lock:
            objects = self._stored.pop((admission.calling, admission.address), 0)
        if objects:
            _log.info(
                "objects were received",
                batch=admission.batch,
                objects=objects,
                calling=printable(admission.calling),
                address=admission.address,
            )

    def _is_first(self, kind: _Kind) -> bool:
        with self._lock:
            if kind not in self._refused and len(self._refused) >= _MOST_KINDS:
                return False
            self._refused[kind] += 1
            return self._refused[kind] == 1
