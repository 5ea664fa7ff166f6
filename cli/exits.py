"""Exit codes of every command; scripts hold them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from radiograph.errors import ErrorKind, ThoraqError


class Exit(IntEnum):
    """How a command ended; each member explains itself in ``meaning``."""

    meaning: str

    OK = 0, "done; for process and status --follow, everything has ended"
    BUG = ErrorKind.BUG, "an error thoraq did not foresee; please report the traceback"
    USAGE = ErrorKind.USAGE, "the command line or a setting is wrong; the message says which"
    NOT_FOUND = ErrorKind.NOT_FOUND, "there is no such file, folder, batch, study or model"
    UNSOUND = (
        ErrorKind.UNSOUND,
        "doctor, db check or a look at a data set found something to repair",
    )
    DATABASE = ErrorKind.DATABASE, "the database is away, locked, read only, or has another schema"
    QUEUE = ErrorKind.QUEUE, "the broker or the workers could not be started or reached"
    RADIOGRAPH = ErrorKind.RADIOGRAPH, "the file asked for cannot be read or is no chest radiograph"
    NETWORK = ErrorKind.NETWORK, "the network's weights or card are missing or damaged"
    UNTRAINED = 9, "the training run that was followed failed or was cancelled; its status says why"
    INTERRUPTED = 130, "Ctrl-C or SIGTERM; the same command goes on where this one stopped"
    PIPE_CLOSED = 141, "nobody reads what is printed any more, as behind `| head`"

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a member of its number and its meaning."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member


def exit_of(error: Exception) -> Exit | None:
    """Return the exit code of an error of thoraq's own, None for any other."""
    return Exit[error.kind.name] if isinstance(error, ThoraqError) else None
