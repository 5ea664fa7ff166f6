"""Why results cannot be given or written.

ResultsError                        code, permanent, kind
|-- ArgumentInvalid                 argument-invalid
|-- PandasMissing                   pandas-missing
|-- PlaceUnusable                   place-unusable
`-- ReadUnaudited                   read-unaudited
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class ResultsError(ThoraqError):
    """Results cannot be given."""

    code = "results-error"
    kind = ErrorKind.USAGE


class ArgumentInvalid(ResultsError, ValueError):
    """An argument is invalid; the message names it and says what it takes."""

    code = "argument-invalid"


class PandasMissing(ResultsError, ImportError):
    """pandas is not installed; run `pip install pandas`, or take the Arrow table."""

    code = "pandas-missing"


class PlaceUnusable(ResultsError):
    """Nothing can be read or written there; check the path, its rights and its disk."""

    code = "place-unusable"


class ReadUnaudited(ResultsError):
    """The audit takes no entry and THORAQ_AUDIT_READS=required; mend the database, then read."""

    code = "read-unaudited"
    kind = ErrorKind.DATABASE
