"""What a command cannot do.

    CommandError            code, kind
    |-- NoFiles             no-files            NOT_FOUND
    |-- NotMeasured         not-measured        NOT_FOUND
    |-- ModelAbsent         model-absent        NETWORK
    |-- ModelWorse          model-worse         USAGE
    |-- VersionReserved     version-reserved    USAGE
    |-- PlanInvalid         plan-invalid        USAGE
    |-- BatchPaused         batch-paused        USAGE
    `-- WorkersGone         workers-gone        QUEUE

A command error is permanent: the operator changes something before the next try.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class CommandError(ThoraqError):
    """A command cannot do what it was asked for."""

    code = "command-error"


class NoFiles(CommandError):
    """The paths hold no file; name a folder or file that exists and holds some."""

    code = "no-files"
    kind = ErrorKind.NOT_FOUND


class NotMeasured(CommandError):
    """The study was not measured, so there is nothing to draw; `thoraq show` says why."""

    code = "not-measured"
    kind = ErrorKind.NOT_FOUND


class ModelAbsent(CommandError):
    """The network's files are not where workers look; `thoraq models register FOLDER` puts them."""

    code = "model-absent"
    kind = ErrorKind.NETWORK


class ModelWorse(CommandError):
    """The card states larger errors than that of the served network, or none; see --force."""

    code = "model-worse"
    kind = ErrorKind.USAGE


class VersionReserved(CommandError):
    """The name cannot be a network's; take letters, digits, . _ -, and nothing like thoraq-1."""

    code = "version-reserved"
    kind = ErrorKind.USAGE


class PlanInvalid(CommandError):
    """The run file is no plan of a training; correct what the message names."""

    code = "plan-invalid"
    kind = ErrorKind.USAGE


class BatchPaused(CommandError):
    """The batch or its queue is paused, so nothing would end; `thoraq resume` lets it go on."""

    code = "batch-paused"
    kind = ErrorKind.USAGE


class WorkersGone(CommandError):
    """Every worker ended while files were waiting; the logs in the state folder say why."""

    code = "workers-gone"
    kind = ErrorKind.QUEUE
