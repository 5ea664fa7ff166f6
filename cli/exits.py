"""Exit codes of every command; scripts depend on them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from radiograph.errors import ErrorKind, ThoraqError


class Exit(IntEnum):
    """Exit code of a command, with its ``meaning``."""

    meaning: str

    OK = 0, "success; for process and status --follow, every file has ended"
    BUG = ErrorKind.BUG, "an unexpected error; please report the traceback"
    USAGE = ErrorKind.USAGE, "the command line or a setting is invalid; the message names it"
    NOT_FOUND = ErrorKind.NOT_FOUND, "the file, folder, batch, study or model does not exist"
    UNSOUND = (
        ErrorKind.UNSOUND,
        "doctor, db check or dataset check found something to repair",
    )
    DATABASE = (
        ErrorKind.DATABASE,
        "the database is unavailable, locked, read-only, or has another schema",
    )
    QUEUE = ErrorKind.QUEUE, "the broker or the workers could not be started or reached"
    RADIOGRAPH = ErrorKind.RADIOGRAPH, "the file cannot be read or is not a chest radiograph"
    NETWORK = ErrorKind.NETWORK, "the network's weights or card are missing or damaged"
    UNTRAINED = 9, "the followed training run failed or was cancelled; its status shows why"
    INTERRUPTED = 130, "Ctrl-C or SIGTERM; run the same command again to continue"
    PIPE_CLOSED = 141, "the reader of the output has closed it, such as `| head`"

    def __new__(cls, number: int, meaning: str) -> Self:
        """Return a member from its number and its meaning."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member


def exit_of(error: Exception) -> Exit | None:
    """Return the exit code of thoraq's own errors, None for others."""
    return Exit[error.kind.name] if isinstance(error, ThoraqError) else None
