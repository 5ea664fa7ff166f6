"""Records of one radiograph: its header and its measurement.

Pixels are upright: row 0 is the patient's head side, column 0 the
patient's right, black is air. ``to_source`` maps upright pixels to pixels of the file, in
which all stored coordinates are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum

#: Side of the square frame in which pixel errors are stated.
ERROR_FRAME_PX = 224


class ImageFormat(StrEnum):
    """Format of a file by its content, independent of its name."""

    DICOM = "dicom"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"


class View(StrEnum):
    """Projection of the radiograph."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    UNKNOWN = "UNKNOWN"


class ReadingNote(StrEnum):
    """A contradiction in a file or with another one, resolved by its pixels, or a warning."""

    SYNTAX_CONTRADICTS_PIXELS = "syntax-contradicts-pixels"
    SYNTAX_CONTRADICTS_ELEMENTS = "syntax-contradicts-elements"
    BITS_CONTRADICT_PIXELS = "bits-contradict-pixels"
    OFFSETS_CONTRADICT_FRAGMENTS = "offsets-contradict-fragments"
    INVERSE_CONTRADICTS_PHOTOMETRIC = "presentation-inverse-contradicts-photometric"
    IDENTITY_CONTRADICTS_PHOTOMETRIC = "presentation-identity-contradicts-photometric"
    AGE_CONTRADICTS_BIRTH_DATE = "age-contradicts-birth-date"
    #: Another radiograph has this SOP Instance UID, and other pixels or pixels not compared.
    SOP_UID_REUSED = "sop-uid-of-other-pixels"
    BURNED_IN_TEXT = "burned-in-text"


class SpacingSource(StrEnum):
    """The element that a pixel spacing is from."""

    PIXEL_SPACING = "PixelSpacing"
    IMAGER_PIXEL_SPACING = "ImagerPixelSpacing"


class Bucket(StrEnum):
    """Quality of the landmarks of one study, by their mean error in px of a 224 frame."""

    EXCELLENT = "excellent"  # < 5
    VERY_GOOD = "very_good"  # < 8.5
    GOOD = "good"  # < 15
    REVIEW = "review"  # >= 15
    UNRATED = "unrated"  # the network has no calibration


class BucketBasis(StrEnum):
    """Whether a bucket is based on the calibrated expected error or on the true error."""

    EXPECTED = "expected"
    TRUE = "true"


@dataclass(frozen=True, slots=True)
class PixelSpacing:
    """Distance between pixel centres in millimetres."""

    row_mm: float
    column_mm: float
    source: SpacingSource


@dataclass(frozen=True, slots=True)
class Header:
    """Header of a file. Absent elements are None, never empty strings.

    ``reading_note``: codes of `ReadingNote`, separated by spaces.
    """

    format: ImageFormat
    rows: int
    columns: int
    study_uid: str | None = None
    series_uid: str | None = None
    sop_uid: str | None = None
    patient_id: str | None = None
    accession: str | None = None
    study_date: date | None = None
    modality: str | None = None
    body_part: str | None = None
    view: View = View.UNKNOWN
    age_years: float | None = None
    sex: str | None = None
    transfer_syntax: str | None = None
    photometric: str | None = None
    bits_stored: int | None = None
    frames: int = 1
    spacing: PixelSpacing | None = None
    reading_note: str | None = None


HEADER_FIELDS = tuple(each.name for each in fields(Header))


def with_notes(header: Header, notes: Iterable[ReadingNote]) -> Header:
    """Return a header with ``notes`` added to its notes."""
    codes = {*(header.reading_note or "").split(), *notes}
    return replace(header, reading_note=" ".join(sorted(codes))) if codes else header


class IctRule(StrEnum):
    """The rule applied to an ICT, or why no threshold was applied."""

    ADULT_PA = "adult-pa"  # adult PA threshold (0.50)
    INFANT_PA = "infant-pa"  # under one year (0.60)
    NEWBORN_PA = "newborn-pa"  # under 28 days (0.66)
    NONE_AP = "none-ap-magnifies"
    NONE_VIEW_UNKNOWN = "none-view-unknown"
    NONE_AGE_UNKNOWN = "none-age-unknown"
    NONE_CHILD = "none-child-no-line"
    NONE_INVALID = "none-ict-invalid"


@dataclass(frozen=True, slots=True)
class IctThresholds:
    """Thresholds above which the heart counts as enlarged, by age; they are settings."""

    adult: float = 0.50
    infant: float = 0.60
    newborn: float = 0.66
    adult_from_years: float = 18.0
    #: Apply the adult threshold to studies of unknown age.
    assume_adult: bool = False
    #: Treat studies of unknown view as PA.
    assume_pa: bool = False


@dataclass(frozen=True, slots=True)
class Ict:
    """The cardiothoracic index: widest transverse heart width over widest inner thoracic width.

    Widths are in source pixels along the image's transverse axis, millimetres where the spacing
    is known. ``sd`` and the 95 % interval are None where the network has no calibration.
    """

    value: float | None
    sd: float | None
    low: float | None
    high: float | None
    heart_width_px: float | None
    thorax_width_px: float | None
    heart_width_mm: float | None
    thorax_width_mm: float | None
    threshold: float | None
    rule: IctRule
    enlarged: bool | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything measured on one radiograph by one network.

    ``points``: nineteen ``(x, y)`` in source pixels, ordered as ``Landmark``.
    ``spreads``: standard deviation of each point in px of a 224 frame.
    ``expected_error_px224``: calibrated expectation of the mean landmark error; None if unrated.
    ``expected_error_high_px224``: its upper 90 % bound.
    ``frontal_probability``: predicted probability of an upright frontal chest.
    ``values``: measures computed from points and header, by name; one added to thoraq after this
    measurement is absent until `thoraq recompute`.
    """

    points: tuple[tuple[float, float], ...]
    spreads: tuple[float, ...]
    ict: Ict
    expected_error_px224: float | None
    expected_error_high_px224: float | None
    bucket: Bucket
    bucket_basis: BucketBasis
    frontal_probability: float | None = field(default=None)
    values: Mapping[str, float] = field(default_factory=dict)
