"""What a measurement of speed cannot do.

    BenchmarkError          code
    `-- BenchFailed         bench-failed

A benchmark error is permanent: the operator changes something before the next try.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class BenchmarkError(ThoraqError):
    """Speed cannot be measured as it was asked for."""

    code = "benchmark-error"
    kind = ErrorKind.QUEUE


class BenchFailed(BenchmarkError):
    """The stages could not be timed; name a folder that holds sound chest radiographs."""

    code = "bench-failed"
