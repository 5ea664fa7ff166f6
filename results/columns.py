"""The columns of a result in listings and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from db.query.failure_records import Failure
from db.records import FileOutcome, Result
from radiograph.landmarks import Landmark
from radiograph.measures import MEASURES
from radiograph.measures.declaration import Measure
from results.rows import Row, Value


class Kind(StrEnum):
    """Type of a column; every column may be empty."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``digits``: decimals to which the value is rounded."""

    name: str
    kind: Kind
    meaning: str
    read: Callable[[Result], object]
    digits: int | None = None

    def value(self, result: Result) -> Value:
        """Return the column's value of one result."""
        return plain(self.read(result), self.digits)


def plain(value: object, digits: int | None = None) -> Value:
    """Return a value for JSON: times in ISO format to the second, enumerations as text."""
    if isinstance(value, float) and digits is not None:
        return round(value, digits)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if value is None or (isinstance(value, bool | int | float) and not isinstance(value, StrEnum)):
        return value
    return str(value)


def at(path: str) -> Callable[[Result], object]:
    """Return a reader of a dotted attribute of a result; None if a part of it is None."""
    names = path.split(".")

    def read(result: Result) -> object:
        value: object = result
        for name in names:
            value = None if value is None else getattr(value, name)
        return value

    return read


def x_of(point: Landmark) -> Callable[[Result], object]:
    """Return a reader of a point's x."""
    return lambda result: result.measurement.points[point][0]


def y_of(point: Landmark) -> Callable[[Result], object]:
    """Return a reader of a point's y."""
    return lambda result: result.measurement.points[point][1]


def spread_of(point: Landmark) -> Callable[[Result], object]:
    """Return a reader of a point's spread."""
    return lambda result: result.measurement.spreads[point]


def point_columns(point: Landmark) -> tuple[Column, Column, Column]:
    """Return the three columns of one point."""
    name = point.name.lower()
    return (
        Column(f"{name}_x", Kind.NUMBER, "x in source pixels, to image right", x_of(point), 2),
        Column(f"{name}_y", Kind.NUMBER, "y in source pixels, downwards", y_of(point), 2),
        Column(
            f"{name}_spread",
            Kind.NUMBER,
            "its standard deviation in px of a 224 frame",
            spread_of(point),
            2,
        ),
    )


def header(name: str, kind: Kind, meaning: str, digits: int | None = None) -> Column:
    """Return the column of a field of the header."""
    return Column(name, kind, meaning, at(f"header.{name}"), digits)


def measured(measure: Measure) -> Column:
    """Return the column of a measure."""
    kinds: dict[type, Kind] = {float: Kind.NUMBER, bool: Kind.FLAG}
    return Column(
        measure.name,
        kinds.get(measure.holds, Kind.TEXT),
        measure.meaning,
        lambda result: measure.read(result.measurement),
        measure.decimals,
    )


COLUMNS: tuple[Column, ...] = (
    Column("radiograph", Kind.INTEGER, "id of the radiograph", at("radiograph_id")),
    Column("measurement", Kind.INTEGER, "id of the measurement", at("measurement_id")),
    Column("path", Kind.TEXT, "the file that was read", at("path")),
    Column("sha256", Kind.TEXT, "digest of the file's content", at("sha256")),
    Column(
        "pixel_digest",
        Kind.TEXT,
        "SHA-256 of the upright pixels; empty if they were decoded at reduced size",
        at("pixel_digest"),
    ),
    header("format", Kind.TEXT, "dicom, png, jpeg or tiff"),
    header("rows", Kind.INTEGER, "height of the image in pixels"),
    header("columns", Kind.INTEGER, "width of the image in pixels"),
    header("study_uid", Kind.TEXT, "StudyInstanceUID"),
    header("series_uid", Kind.TEXT, "SeriesInstanceUID"),
    header("sop_uid", Kind.TEXT, "SOPInstanceUID"),
    header("patient_id", Kind.TEXT, "PatientID; hashed unless THORAQ_STORE_PATIENT_IDS=true"),
    header("accession", Kind.TEXT, "AccessionNumber; hashed likewise"),
    header("study_date", Kind.DATE, "StudyDate"),
    header("modality", Kind.TEXT, "Modality"),
    header("body_part", Kind.TEXT, "BodyPartExamined"),
    header("view", Kind.TEXT, "PA, AP or UNKNOWN"),
    header("age_years", Kind.NUMBER, "age at the study", 2),
    header("sex", Kind.TEXT, "PatientSex"),
    header("transfer_syntax", Kind.TEXT, "UID of the DICOM encoding"),
    header("photometric", Kind.TEXT, "PhotometricInterpretation"),
    header("bits_stored", Kind.INTEGER, "BitsStored"),
    header("frames", Kind.INTEGER, "frames in the file; the first is measured"),
    Column("spacing_row_mm", Kind.NUMBER, "distance between rows", at("header.spacing.row_mm"), 5),
    Column(
        "spacing_column_mm",
        Kind.NUMBER,
        "distance between columns",
        at("header.spacing.column_mm"),
        5,
    ),
    Column(
        "spacing_source", Kind.TEXT, "the DICOM element of the spacing", at("header.spacing.source")
    ),
    header(
        "reading_note",
        Kind.TEXT,
        "codes of contradictions in the file that were resolved by its pixels, of burned-in text,"
        " or that another radiograph has its SOP Instance UID and other pixels",
    ),
    *map(measured, MEASURES),
    Column("measured_at", Kind.TIME, "when it was measured", at("measured_at")),
    Column("model", Kind.TEXT, "version of the network", at("provenance.model_version")),
    Column("weights_digest", Kind.TEXT, "SHA-256 of its weights", at("provenance.weights_digest")),
    Column("code_version", Kind.TEXT, "version of thoraq", at("provenance.code_version")),
    Column("device", Kind.TEXT, "the device of the prediction", at("provenance.device")),
    Column(
        "precision",
        Kind.TEXT,
        "precision of the prediction, such as fp32",
        at("provenance.precision"),
    ),
    Column("worker", Kind.TEXT, "the worker that measured", at("provenance.worker")),
    Column(
        "duration_ms", Kind.NUMBER, "duration of the measurement", at("provenance.duration_ms"), 1
    ),
    Column("attempt", Kind.INTEGER, "number of the successful attempt", at("provenance.attempt")),
    *(column for point in Landmark for column in point_columns(point)),
)

#: Columns of the table on the terminal.
IN_TABLE = (
    "radiograph",
    "ict",
    "enlarged",
    "ict_rule",
    "bucket",
    "expected_error_px224",
    "study_date",
    "path",
)


def result_row(result: Result) -> Row:
    """Return every column of one result."""
    return {column.name: column.value(result) for column in COLUMNS}


#: The columns of failures.csv.
OUTCOME_COLUMNS = ("batch", "path", "state", "code", "detail", "attempts", "radiograph")


def outcome_row(outcome: FileOutcome) -> Row:
    """Return the outcome of one file; a row of failures.csv."""
    return {
        "batch": outcome.batch,
        "path": outcome.path,
        "state": "duplicate" if outcome.duplicate else plain(outcome.state),
        "code": outcome.code,
        "detail": outcome.detail,
        "attempts": outcome.attempts,
        "radiograph": outcome.radiograph_id,
    }


def failure_row(found: Failure) -> Row:
    """Return every column of one failure."""
    return {
        "batch": found.batch,
        "path": found.path,
        "state": plain(found.state),
        "code": found.code,
        "detail": found.detail,
        "attempts": found.attempts,
        "radiograph": found.radiograph_id,
        "duplicate": found.duplicate,
        "ended_at": plain(found.ended_at),
    }


def dictionary_rows() -> list[Row]:
    """Return the data dictionary, one row per column."""
    return [
        {"column": column.name, "holds": str(column.kind), "meaning": column.meaning}
        for column in COLUMNS
    ]
