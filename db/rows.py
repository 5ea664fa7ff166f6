"""Header, measurement and provenance as columns, and back."""

from __future__ import annotations

from functools import partial

from db.database import AnyRow
from db.records import Provenance, Result
from radiograph.measures.values import measurement_of, values_of
from radiograph.records import Header, Measurement, PixelSpacing


def header_columns(header: Header) -> dict[str, object]:
    """Columns of ``radiograph`` that come from the file's header."""
    return {
        "format": header.format,
        "study_uid": header.study_uid,
        "series_uid": header.series_uid,
        "sop_uid": header.sop_uid,
        "patient_id": header.patient_id,
        "accession": header.accession,
        "study_date": header.study_date,
        "modality": header.modality,
        "body_part": header.body_part,
        "view": header.view,
        "age_years": header.age_years,
        "sex": header.sex,
        "transfer_syntax": header.transfer_syntax,
        "photometric": header.photometric,
        "bits_stored": header.bits_stored,
        "rows": header.rows,
        "columns": header.columns,
        "frames": header.frames,
        "spacing_row_mm": header.spacing.row_mm if header.spacing else None,
        "spacing_column_mm": header.spacing.column_mm if header.spacing else None,
        "spacing_source": header.spacing.source if header.spacing else None,
        "reading_note": header.reading_note,
    }


def measurement_columns(measured: Measurement, by: Provenance) -> dict[str, object]:
    """Columns of ``measurement`` but for its keys and its time."""
    return {
        "points": [[float(x), float(y)] for x, y in measured.points],
        "spreads": [float(spread) for spread in measured.spreads],
        **values_of(measured),
        "weights_digest": by.weights_digest,
        "code_version": by.code_version,
        "device": by.device,
        "precision": by.precision,
        "worker": by.worker,
        "duration_ms": by.duration_ms,
        "attempt": by.attempt,
    }


def result_of(row: AnyRow) -> Result:
    """Read a row of ``measurement`` and ``radiograph``, the former's id as ``measurement_id``."""
    return Result(
        measurement_id=row.measurement_id,
        radiograph_id=row.radiograph_id,
        path=row.path,
        sha256=row.sha256,
        pixel_digest=row.pixel_digest,
        header=header_of(row),
        measurement=measurement_of(row.points, row.spreads, partial(getattr, row)),
        provenance=Provenance(
            model_version=row.model_version,
            weights_digest=row.weights_digest,
            code_version=row.code_version,
            device=row.device,
            precision=row.precision,
            worker=row.worker,
            duration_ms=row.duration_ms,
            attempt=row.attempt,
        ),
        measured_at=row.measured_at,
        content_digest=row.content_digest,
    )


def header_of(row: AnyRow) -> Header:
    """Read the columns of ``radiograph`` that come from the file's header."""
    spacing = None
    if row.spacing_source is not None:
        spacing = PixelSpacing(row.spacing_row_mm, row.spacing_column_mm, row.spacing_source)
    return Header(
        format=row.format,
        rows=row.rows or 0,
        columns=row.columns or 0,
        study_uid=row.study_uid,
        series_uid=row.series_uid,
        sop_uid=row.sop_uid,
        patient_id=row.patient_id,
        accession=row.accession,
        study_date=row.study_date,
        modality=row.modality,
        body_part=row.body_part,
        view=row.view,
        age_years=row.age_years,
        sex=row.sex,
        transfer_syntax=row.transfer_syntax,
        photometric=row.photometric,
        bits_stored=row.bits_stored,
        frames=row.frames,
        spacing=spacing,
        reading_note=row.reading_note,
    )
