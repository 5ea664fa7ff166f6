"""Errors of reading and writing results.

ResultsError                        code, permanent, kind
|-- ArgumentInvalid                 argument-invalid
|-- PandasMissing                   pandas-missing
|-- PlaceUnusable                   place-unusable
`-- ReadUnaudited                   read-unaudited
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class ResultsError(ThoraqError):
    """Results cannot be read or written."""

    code = "results-error"
    kind = ErrorKind.USAGE


class ArgumentInvalid(ResultsError, ValueError):
    """An argument is invalid; the message names it and the valid values."""

    code = "argument-invalid"


class PandasMissing(ResultsError, ImportError):
    """pandas is not installed; run `pip install pandas`, or use the Arrow table."""

    code = "pandas-missing"


class PlaceUnusable(ResultsError):
    """The path cannot be read or written; check the path, its permissions and its disk."""

    code = "place-unusable"


class ReadUnaudited(ResultsError):
    """THORAQ_AUDIT_READS=required, but the audit entry cannot be written; repair the database."""

    code = "read-unaudited"
    kind = ErrorKind.DATABASE
