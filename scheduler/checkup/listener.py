"""Whether the DICOM listener has its port, and its file of connections can be used."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from scheduler.checkup.check import Check
from scheduler.checkup.remedy import quoted
from scheduler.connections import Listen, read_connections
from scheduler.errors import SchedulerError
from scheduler.pulse import PulseKind, read_beats
from scheduler.settings import Settings


def check_listener(settings: Settings) -> Iterator[Check]:
    """Check the port of the listener; yield nothing if none is configured."""
    try:
        listen = read_connections(settings).listen
    except SchedulerError as exc:
        yield _check(f"{exc} ({exc.code})", f"$EDITOR {quoted(str(settings.connections))}")
        return
    if listen is None:
        return
    where = f"{listen.address}:{listen.port}"
    fault = _port_fault(listen)
    beats = [each for each in read_beats(settings) if each.kind is PulseKind.LISTEN]
    if fault is None:
        yield _check(f"{where} is free; `thoraq listen` or `thoraq up` takes it")
    elif fault == errno.EADDRINUSE and any(each.name == where for each in beats):
        yield _check(f"thoraq listens at {where} for {', '.join(listen.called)}")
    elif fault == errno.EADDRINUSE:
        yield _check(f"{where} is in use by another program", f"ss -ltnp 'sport = :{listen.port}'")
    else:
        yield _check(f"{where} cannot be used ({errno.errorcode.get(fault, fault)})", "ip address")


def _check(found: str, repair: str | None = None) -> Check:
    return Check("listener", ok=repair is None, found=found, repair=repair)


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
