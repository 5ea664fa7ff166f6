"""What a command cannot do.

    CommandError            code, kind
    |-- NotMeasured         not-measured        NOT_FOUND
    `-- BatchPaused         batch-paused        USAGE

A command error is permanent: the operator changes something before the next try.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class CommandError(ThoraqError):
    """A command cannot do what it was asked for."""

    code = "command-error"


class NotMeasured(CommandError):
    """The study was not measured, so there is nothing to draw; `thoraq show` says why."""

    code = "not-measured"
    kind = ErrorKind.NOT_FOUND


class BatchPaused(CommandError):
    """The batch or its queue is paused, so nothing would end; `thoraq resume` lets it go on."""

    code = "batch-paused"
    kind = ErrorKind.USAGE
