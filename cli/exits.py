"""Exit codes of every command; scripts hold them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from radiograph.errors import RadiographError


class Exit(IntEnum):
    """How a command ended; each member explains itself in ``meaning``."""

    meaning: str

    OK = 0, "done; for process and status --follow, everything has ended"
    BUG = 1, "an error thoraq did not foresee; please report the traceback"
    USAGE = 2, "the command line or a setting is wrong; the message says which"
    NOT_FOUND = 3, "there is no such file, folder, batch, study or model"
    UNSOUND = 4, "doctor, db check or a look at a data set found something to repair"
    DATABASE = 5, "the database is away, locked, read only, or has another schema"
    QUEUE = 6, "the broker or the workers could not be started or reached"
    RADIOGRAPH = 7, "the file asked for cannot be read or is no chest radiograph"
    NETWORK = 8, "the network's weights or card are missing or damaged"
    UNTRAINED = 9, "the training run that was followed failed or was cancelled; its status says why"
    INTERRUPTED = 130, "Ctrl-C or SIGTERM; the same command goes on where this one stopped"
    PIPE_CLOSED = 141, "nobody reads what is printed any more, as behind `| head`"

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a member of its number and its meaning."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member


#: The exit code of an error, by the folder that raised it.
BY_FOLDER = {
    "db": Exit.DATABASE,
    "scheduler": Exit.QUEUE,
    "worker": Exit.QUEUE,
    "results": Exit.USAGE,
    "network": Exit.NETWORK,
    "training": Exit.NETWORK,
}
#: Errors whose folder says too little.
BY_CODE = {
    "read-unaudited": Exit.DATABASE,
    "batch-unknown": Exit.NOT_FOUND,
    "batch-ambiguous": Exit.USAGE,
    "study-unknown": Exit.NOT_FOUND,
    "model-unknown": Exit.NOT_FOUND,
    "run-unknown": Exit.NOT_FOUND,
    "run-name-taken": Exit.USAGE,
    "run-settled": Exit.USAGE,
    "batch-unfinished": Exit.USAGE,
    "place-missing": Exit.NOT_FOUND,
    "place-forbidden": Exit.USAGE,
    "place-altered": Exit.USAGE,
    "wrong-setting": Exit.USAGE,
    "settings-untrusted": Exit.USAGE,
    "settings-unreadable": Exit.USAGE,
    "settings-missing": Exit.USAGE,
    "key-unusable": Exit.USAGE,
    "password-needed": Exit.USAGE,
    "password-unusable": Exit.USAGE,
    "port-unusable": Exit.USAGE,
    "database-url-invalid": Exit.USAGE,
    "device-missing": Exit.USAGE,
    "data-missing": Exit.NOT_FOUND,
    "dataset-invalid": Exit.UNSOUND,
    "split-empty": Exit.UNSOUND,
}


def exit_of(error: Exception) -> Exit | None:
    """Return the exit code of an error of thoraq's own, None for any other.

    Only classes of our folders count: other libraries give their errors a ``code`` too.
    """
    own = getattr(error, "exit", None)
    if isinstance(own, Exit):
        return own
    if isinstance(error, RadiographError):
        return Exit.RADIOGRAPH  # also what reading processes say of a file
    code = getattr(error, "code", None)
    folder = type(error).__module__.partition(".")[0]
    if not isinstance(code, str) or folder not in BY_FOLDER:
        return None
    return BY_CODE.get(code, BY_FOLDER[folder])
