"""Errors of benchmarks.

    BenchmarkError          code
    `-- BenchFailed         bench-failed

A benchmark error is permanent: the operator has to change something first.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class BenchmarkError(ThoraqError):
    """The benchmark cannot be run as requested."""

    code = "benchmark-error"
    kind = ErrorKind.QUEUE


class BenchFailed(BenchmarkError):
    """The stages could not be timed; give a folder that contains valid chest radiographs."""

    code = "bench-failed"
