"""The end of a command whose output is no longer read, as with ``| head -1``."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

from cli.exits import Exit

_STREAMS = (1, 2)


@contextmanager
def ending_quietly() -> Iterator[None]:
    """Exit with PIPE_CLOSED if standard output or error has no reader any more.

    Other broken connections, such as one to a server, are raised unchanged.
    """
    try:
        yield
    except BrokenPipeError:
        closed = [each for each in _STREAMS if _is_closed(each)]
        if not closed:
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for each in closed:  # the interpreter flushes buffers as it exits
            os.dup2(nowhere, each)
        os.close(nowhere)
        raise SystemExit(Exit.PIPE_CLOSED) from None


def _is_closed(stream: int) -> bool:
    """Whether a stream is a pipe or a socket without a reader."""
    poll = select.poll()
    poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
