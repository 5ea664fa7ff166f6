"""What a command does once nobody reads what it prints, as behind ``| head -1``."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

from cli.exits import Exit

_STREAMS = (1, 2)


@contextmanager
def ending_quietly() -> Iterator[None]:
    """Leave with PIPE_CLOSED where standard output or error has no reader any more.

    A connection that broke, to a server for instance, is not meant and is raised as it is.
    """
    try:
        yield
    except BrokenPipeError:
        closed = [each for each in _STREAMS if _is_closed(each)]
        if not closed:
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for each in closed:  # what is in buffers is written as the interpreter ends
            os.dup2(nowhere, each)
        os.close(nowhere)
        raise SystemExit(Exit.PIPE_CLOSED) from None


def _is_closed(stream: int) -> bool:
    """Whether a stream is a pipe or a socket that nobody reads."""
    asked = select.poll()
    asked.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))
