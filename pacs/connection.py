"""How another node is called: TLS as the file of connections says."""

from __future__ import annotations

import ssl

from pacs.errors import TlsUnusable
from scheduler.connections import Node


def client_tls(node: Node) -> tuple[ssl.SSLContext, str] | None:
    """Return how a node is met by TLS, and the name it has to show; None without TLS.

    Raises TlsUnusable.
    """
    if node.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=node.tls.ca)
        if node.tls.certificate is not None:
            context.load_cert_chain(node.tls.certificate, node.tls.key)
    except (OSError, ssl.SSLError) as exc:
        raise TlsUnusable.because(str(exc.strerror or exc)) from exc
    if not node.tls.check_hostname:
        context.check_hostname = False
    return context, node.host or ""
