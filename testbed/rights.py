"""A thread of root's that is bound by the rights of files, as every other user is."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Of linux/capability.h: version 3 of the interface, and the two that pass over rights.
_VERSION = 0x20080522
_PASS_OVER = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

#: What comes before a command so that it is bound by the rights of files.
BOUND_COMMAND = (
    ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)


@contextmanager
def bound_by_rights() -> Iterator[None]:
    """Bind this thread, and those it starts, by the rights of files for as long as this lasts."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    before = data[0]
    data[0] = before & ~_PASS_OVER
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        data[0] = before
        if libc.capset(header, data) != 0:
            raise OSError(ctypes.get_errno(), "capset")
