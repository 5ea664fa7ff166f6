"""The service: the listener of one process, from its first connection to its last answer."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from celery import Celery
from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association

from db.database import Database
from pacs.errors import ListenerPortUnusable, NotStored, TlsUnusable
from pacs.listener.admission import REJECTIONS, Admission, Reason, admit
from pacs.listener.commitment import Commitment
from pacs.listener.contexts import in_order_of, supported_contexts
from pacs.listener.log_lines import LogLines
from pacs.listener.reception import Reception
from pacs.listener.recording import Recorder
from pacs.listener.shelf import Shelf
from pacs.listener.storage import Storage
from pacs.listener.transport import Server
from scheduler.connections import Connections, Listen, ServerTls, received_folder
from scheduler.pulse import BEAT_SECONDS, Pulse, PulseKind
from scheduler.roots import check_allowed
from scheduler.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

#: What was received is answered within this time; SIGTERM is followed by SIGKILL some time later.
_SETTLE_SECONDS = 10.0
#: What was answered reaches the sender within this time.
_LAST_ANSWERS_SECONDS = 0.2
#: A listener whose loop stood still for so long is ill.
_ILL_SECONDS = 60.0
#: Connections that are no associations yet, for each association that is allowed; all of them.
_CONNECTIONS_EACH, _MOST_THREADS = 4, 10_000
_MEGABYTE, _KILOBYTE = 1 << 20, 1 << 10

# Messages of pynetdicom hold titles, UIDs and whole data sets.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
_config.LOG_HANDLER_LEVEL = "none"


class Listener:
    """Receives objects until it is stopped. ``app``: None leaves sending to the upkeep."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        connections: Connections,
        listen: Listen,
        app: Celery | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._listen = listen
        self._lines = LogLines()
        self._shelf = Shelf(received_folder(settings))
        self._recorder = Recorder(database, settings, app)
        limit_bytes = listen.limits.object_mb * _MEGABYTE
        self._storage = Storage(
            database,
            settings,
            shelf=self._shelf,
            recorder=self._recorder,
            lines=self._lines,
            limit_bytes=limit_bytes,
        )
        self._commitment = Commitment(database, connections)
        self._limit_bytes = limit_bytes
        self._admissions: dict[Association, Admission] = {}
        self._admitting = threading.Lock()
        self._receiving: set[Association] = set()
        self._server: Server | None = None
        self._serving: threading.Thread | None = None
        name = f"{listen.address}:{listen.port}"
        self._pulse = Pulse(settings.state, PulseKind.LISTEN, name, _ILL_SECONDS)

    @property
    def port(self) -> int:
        """The port that is listened at."""
        return self._listen.port if self._server is None else self._server.server_address[1]

    def start(self) -> None:
        """Sweep the spool and listen.

        Raises ListenerPortUnusable, ReceivedFolderTaken, TlsUnusable, PlaceForbidden,
        DatabaseError, OSError.
        """
        check_allowed(self._shelf.folder, self._settings.allowed_roots)
        tls = None if self._listen.tls is None else _server_context(self._listen.tls)
        self._server = self._bound(tls)
        try:
            self._shelf.open()
            swept = self._shelf.sweep(self._database)
        except BaseException:
            self._server.server_close()
            self._shelf.close()
            raise
        if swept:
            _log.warning("objects that were never acknowledged were removed", objects=swept)
        self._recorder.start()
        self._serving = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="listening"
        )
        self._serving.start()

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set. Raises as `start`."""
        self.start()
        try:
            while not stop.wait(BEAT_SECONDS):
                if self._serving is not None and self._serving.is_alive():
                    self._pulse.beat()
        finally:
            self.stop()
            self._pulse.end()

    def stop(self) -> None:
        """Answer what was received, end the associations, and leave an empty spool."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self._commitment.stop()
        settling = threading.Thread(target=server.shutdown)
        settling.start()
        if not self._storage.settle(_SETTLE_SECONDS):
            _log.warning("objects are left without an answer")
        time.sleep(_LAST_ANSWERS_SECONDS)
        for association in server.active_associations:
            with suppress(Exception):
                association.abort()
        settling.join(_SETTLE_SECONDS)
        self._recorder.stop()
        for each in self._shelf.leftovers():
            each.unlink(missing_ok=True)
        self._shelf.close()

    def _bound(self, tls: ssl.SSLContext | None) -> Server:
        limits = self._listen.limits
        ae = ApplicationEntity(next(iter(self._listen.called)))
        ae.maximum_pdu_size = limits.pdu_kb * _KILOBYTE
        ae.maximum_associations = _MOST_THREADS  # ours are counted once they are let in
        ae.network_timeout = limits.idle_seconds
        ae.acse_timeout = ae.dimse_timeout = min(30.0, limits.idle_seconds)
        address = (self._listen.address, self._listen.port)
        try:
            server = Server(
                ae,
                address,
                supported_contexts(foreign=self._listen.foreign),
                [
                    (evt.EVT_REQUESTED, self._requested),
                    (evt.EVT_C_ECHO, lambda _: 0x0000),
                    (evt.EVT_C_STORE, self._stored),
                    (evt.EVT_N_ACTION, self._commitment.answer),
                    (evt.EVT_CONN_CLOSE, self._closed),
                ],
                tls=tls,
                idle_seconds=limits.idle_seconds,
                most_pdu_bytes=ae.maximum_pdu_size,
                most_connections=_CONNECTIONS_EACH * (limits.associations + 1),
                lines=self._lines,
                equip=self._equip,
                tend=self._tend,
            )
        except OSError as exc:
            found = f"{address[0]}:{address[1]}: {exc.strerror}"
            raise ListenerPortUnusable.because(found) from exc
        ae._servers.append(server)  # noqa: SLF001 - as its own start_server does
        return server

    def _equip(self, association: Association) -> None:
        association.dimse = Reception(association, self._shelf.spool, self._limit_bytes)
        # Whatever a peer does, the process ends.
        association.daemon = association.dul.daemon = True
        self._receiving.add(association)

    def _tend(self) -> None:
        """Clear up behind associations that ended without a word."""
        for association in list(self._receiving):
            if association.ident is not None and not association.is_alive():
                self._ended(association)

    def _requested(self, event: evt.Event) -> None:
        association = event.assoc
        request: Any = association.requestor.primitive
        address = str(association.requestor.address)
        titles = {"called": request.called_ae_title, "calling": request.calling_ae_title}
        found = self._admitted(association, admit(self._listen, address=address, **titles))
        if isinstance(found, Admission):
            association.acceptor.supported_contexts = in_order_of(
                association.acceptor.supported_contexts,
                request.presentation_context_definition_list,
            )
            return
        self._lines.refused(found, address, calling=titles["calling"], called=titles["called"])
        association.acse.send_reject(*REJECTIONS[found])
        association.kill()

    def _admitted(self, association: Association, found: Admission | Reason) -> Admission | Reason:
        """Let an association in unless there are too many."""
        if isinstance(found, Reason):
            return found
        with self._admitting:
            if len(self._admissions) >= self._listen.limits.associations:
                return Reason.ASSOCIATIONS
            self._admissions[association] = found
        return found

    def _stored(self, event: evt.Event) -> object:
        admission = self._admissions.get(event.assoc)
        # Without one the connection was closed meanwhile, and nobody hears the answer.
        return NotStored.status if admission is None else self._storage.answer(event, admission)

    def _closed(self, event: evt.Event) -> None:
        self._ended(event.assoc)

    def _ended(self, association: Association) -> None:
        """Leave nothing of an association; more than once does no harm."""
        self._receiving.discard(association)
        if association.requestor.primitive is None:
            association.dul.to_user_queue.put(None)  # it waits for no request any more
        if isinstance(association.dimse, Reception):
            association.dimse.discard()
        if (admission := self._admissions.pop(association, None)) is not None:
            self._lines.ended(admission)


def _server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return how callers are met by TLS. Raises TlsUnusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
    except (OSError, ssl.SSLError) as exc:
        raise TlsUnusable.because(str(exc.strerror or exc)) from exc
    if tls.client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
