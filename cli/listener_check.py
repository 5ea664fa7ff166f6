"""Whether the listener has its port, and its file of connections can be used."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from cli.output.shell import quoted
from scheduler.connections import Listen, read_connections
from scheduler.errors import SchedulerError
from scheduler.pulse import Kind, read_beats
from scheduler.settings import Settings


@dataclass(frozen=True, slots=True)
class ListenerState:
    """What was found; ``repair``: the command that mends it, None where all is well."""

    found: str
    repair: str | None = None


def listener_state(settings: Settings) -> ListenerState | None:
    """Look at the listener of this machine; None where none is configured."""
    try:
        listen = read_connections(settings).listen
    except SchedulerError as exc:
        return ListenerState(f"{exc} ({exc.code})", f"$EDITOR {quoted(str(settings.connections))}")
    if listen is None:
        return None
    where = f"{listen.address}:{listen.port}"
    fault = _port_fault(listen)
    if fault is None:
        return ListenerState(f"{where} is free; `thoraq listen` or `thoraq up` takes it")
    beats = [each for each in read_beats(settings) if each.kind is Kind.LISTEN]
    if fault == errno.EADDRINUSE and any(each.name == where for each in beats):
        return ListenerState(f"thoraq listens at {where} for {', '.join(listen.called)}")
    if fault == errno.EADDRINUSE:
        found = f"{where} is in use by another program"
        return ListenerState(found, f"ss -ltnp 'sport = :{listen.port}'")
    return ListenerState(
        f"{where} cannot be had ({errno.errorcode.get(fault, fault)})", "ip address"
    )


def _port_fault(listen: Listen) -> int | None:
    """Return the error of listening at the port; None where it is free."""
    family = socket.AF_INET6 if ":" in listen.address else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((listen.address, listen.port))
        except OSError as exc:
            return exc.errno or errno.EIO
    return None
