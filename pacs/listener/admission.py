"""Admission: who may call which of our titles, and what becomes of what they send."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from db.states import Priority
from scheduler.connections import Listen


class Reason(StrEnum):
    """Why an association was refused."""

    CALLED = "called AE title is unknown"
    CALLING = "calling AE title is unknown"
    ADDRESS = "calling AE title may not call from this address"
    ASSOCIATIONS = "too many associations"
    TLS = "no TLS, or no certificate that is trusted"
    CONNECTIONS = "too many connections"


#: Result, source and diagnostic of A-ASSOCIATE-RJ (PS3.8 9.3.4).
REJECTIONS = {
    Reason.CALLED: (1, 1, 7),
    Reason.CALLING: (1, 1, 3),
    Reason.ADDRESS: (1, 1, 3),
    Reason.ASSOCIATIONS: (2, 3, 2),
}


@dataclass(frozen=True, slots=True)
class Admission:
    """An association that is let in: where its objects go."""

    called: str
    calling: str
    address: str
    batch: str
    priority: Priority

    def priority_of(self, message: int | None) -> Priority:
        """Return the priority of an object; ``message``: that of its C-STORE, 1 for high."""
        return Priority.URGENT if message == 1 else self.priority


def admit(listen: Listen, *, called: str, calling: str, address: str) -> Admission | Reason:
    """Judge a request by its titles and where it comes from."""
    called, calling = called.strip(), calling.strip()
    if called not in listen.called:
        return Reason.CALLED
    ours = listen.called[called]
    batch, priority = ours.batch, ours.priority
    if listen.calling:
        theirs = listen.calling.get(calling)
        if theirs is None:
            return Reason.CALLING
        if theirs.addresses and not _is_within(address, theirs.addresses):
            return Reason.ADDRESS
        batch, priority = theirs.batch or batch, theirs.priority or priority
    return Admission(called, calling, address, batch or called, priority)


def _is_within(
    address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)  # a dual-stack socket's form of IPv4
    return any((mapped or found) in network for network in networks)
