"""Connections: how bytes of an association are read, and which connections become one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.events import EventHandlerType
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from pacs.listener.admission import Reason
from pacs.listener.log_lines import LogLines

_log = structlog.stdlib.get_logger(__name__)

#: Of Linux; elsewhere TCP_NODELAY, which is set anyway.
_QUICKACK = getattr(socket, "TCP_QUICKACK", socket.TCP_NODELAY)
#: A caller shows a certificate within this time.
_HANDSHAKE_SECONDS = 10.0
#: What is no data, such as a request for an association with many contexts, is never larger.
_MOST_CONTROL_BYTES = 1 << 20


class _Socket(AssociationSocket):
    """Reads at once what pynetdicom reads by 4 kB, bounded in size and time."""

    def __init__(self, assoc: Association, client: socket.socket, most_bytes: int) -> None:
        super().__init__(assoc, client_socket=client)
        self._most_bytes = most_bytes

    def recv(self, nr_bytes: int) -> bytearray:
        """Return ``nr_bytes``, or what came until the peer closed or was silent for too long."""
        if nr_bytes > self._most_bytes or self.socket is None:
            raise OSError("a PDU is larger than any that was agreed on")
        read = bytearray(nr_bytes)
        view = memoryview(read)
        filled = 0
        while filled < nr_bytes:
            count = self.socket.recv_into(view[filled:])
            if not count:
                break
            filled += count
        view.release()
        del read[filled:]
        # Many senders hold the last bytes of an object back until all others are acknowledged,
        # which the kernel puts off by 40 ms.
        self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        return read

    def _shutdown_socket(self) -> None:
        """Close the connection, also one that the peer has reset, which pynetdicom leaves open."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class Server(ThreadedAssociationServer):
    """Listens; a slow or hostile caller holds nobody else up.

    ``equip`` gives an association what receives its data sets; ``tend`` is called every moment.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        ae: ApplicationEntity,
        address: tuple[str, int],
        contexts: list[PresentationContext],
        handlers: list[EventHandlerType],
        *,
        tls: ssl.SSLContext | None,
        idle_seconds: float,
        most_pdu_bytes: int,
        most_connections: int,
        lines: LogLines,
        equip: Callable[[Association], None],
        tend: Callable[[], None],
    ) -> None:
        self.tls = tls
        self.idle_seconds = idle_seconds
        self.most_bytes = max(most_pdu_bytes + 6, _MOST_CONTROL_BYTES)
        self.most_connections = most_connections
        self.lines = lines
        self.equip = equip
        self.tend = tend
        self._greeting: set[socket.socket] = set()  # by TLS
        super().__init__(ae, address, ae.ae_title, contexts, None, handlers, _Request)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection is let in, whoever it is."""
        del request
        if len(self.active_associations) + len(self._greeting) < self.most_connections:
            return True
        self.lines.refused(Reason.CONNECTIONS, client_address[0])
        return False

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Begin an association, in a thread of its own; TLS comes first where it is asked for."""
        connection: socket.socket = request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None:
            connection.settimeout(_HANDSHAKE_SECONDS)
            self._greeting.add(connection)
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except OSError:  # of which SSLError is one
                self.lines.refused(Reason.TLS, client_address[0])
                connection.close()
                return
            finally:
                self._greeting.discard(request)
        connection.settimeout(self.idle_seconds)
        super().finish_request(connection, client_address)

    def service_actions(self) -> None:
        """Do what is due between two connections."""
        super().service_actions()
        self.tend()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a fault of ours; the default prints it to standard error, with texts of others."""
        del request
        _log.exception("a connection failed", address=client_address[0])


class _Request(RequestHandler):
    server: Server

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the connection is announced by its new socket
        ours = _Socket(association, self.request, self.server.most_bytes)
        association.dul.socket = ours
        self.server.equip(association)
        return association
