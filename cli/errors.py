"""Errors of commands.

    CommandError            code, kind
    |-- NotMeasured         not-measured        NOT_FOUND
    `-- BatchPaused         batch-paused        USAGE

A command error is permanent: the operator has to change something first.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class CommandError(ThoraqError):
    """A command cannot be carried out."""

    code = "command-error"


class NotMeasured(CommandError):
    """The study was not measured, so there is nothing to draw; `thoraq show` shows why."""

    code = "not-measured"
    kind = ErrorKind.NOT_FOUND


class BatchPaused(CommandError):
    """The batch or its queue is paused and would never end; continue it with `thoraq resume`."""

    code = "batch-paused"
    kind = ErrorKind.USAGE
