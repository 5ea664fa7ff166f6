"""Where a server may listen: addresses that only this machine reaches, and ports that are free."""

from __future__ import annotations

import ipaddress
import socket

from scheduler.errors import PortUnusable


def check_port(address: str, port: int) -> None:
    """Check that Flower can listen on the port; it would fail with a traceback otherwise.

    Tries every address of a host name, as Flower does. Raises PortUnusable.
    """
    try:
        for family, kind, protocol, _, endpoint in socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(endpoint)
                probe.listen()
    except OSError as exc:
        raise PortUnusable.because(f"{address}, port {port}: {exc.strerror}") from exc


def is_loopback(address: str) -> bool:
    """Whether an address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
