"""Errors of reading and writing results.

ResultsError                        code, permanent, kind
|-- ArgumentInvalid                 argument-invalid
|-- ObjectRefused                   an object that would be invalid, or say too much
|   |-- BurnedInIdentity            burned-in-identity
|   |-- NotGrey                     not-grey
|   |-- PatientIdUnusable           patient-id-unusable
|   `-- SourceUnreferable           source-unreferable
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


class ObjectRefused(ResultsError):
    """No valid object can be made of this radiograph."""

    code = "object-refused"
    kind = ErrorKind.RADIOGRAPH


class BurnedInIdentity(ObjectRefused):
    """The header says that the pixels show who the patient is; send no drawing without identity."""

    code = "burned-in-identity"


class NotGrey(ObjectRefused):
    """A presentation state is for grey images; send the drawing as a secondary capture."""

    code = "not-grey"


class PatientIdUnusable(ObjectRefused):
    """DICOM cannot hold the patient ID of the file; correct it at its source, or send a hash."""

    code = "patient-id-unusable"


class SourceUnreferable(ObjectRefused):
    """An object cannot refer to an image without valid UIDs; correct them at their source."""

    code = "source-unreferable"


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
