"""Where a server may listen: addresses that only this machine reaches, and ports that are free."""

from __future__ import annotations

import ipaddress
import socket

from scheduler.errors import PortUnusable


def check_port(address: str, port: int) -> None:
    """Listen for a moment on every address that a name has. Raises PortUnusable."""
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
                probe.listen()
    except OSError as exc:
        said = f"{address}, port {port}: {exc.strerror}"
        raise PortUnusable.because(said) from exc


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
