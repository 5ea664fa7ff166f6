"""Subjecting a thread of root to file permissions, like those of other users."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

#: From linux/capability.h: version 3 of the interface, and two capabilities to bypass permissions.
_VERSION = 0x20080522
_BYPASS = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

#: Prefix of a command that subjects it to file permissions.
BOUND_COMMAND = (
    ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)


@contextmanager
def bound_by_rights() -> Iterator[None]:
    """Subject this thread, and those it starts, to file permissions within a block."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    before = data[0]
    data[0] = before & ~_BYPASS
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        data[0] = before
        if libc.capset(header, data) != 0:
            raise OSError(ctypes.get_errno(), "capset")
