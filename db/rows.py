"""Header, measurement and provenance as columns, and back."""

from __future__ import annotations

from db.database import AnyRow
from db.records import Provenance, Result
from radiograph.records import Header, Ict, Measurement, PixelSpacing


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
    ict = measured.ict
    return {
        "points": [[float(x), float(y)] for x, y in measured.points],
        "spreads": [float(spread) for spread in measured.spreads],
        "ict": ict.value,
        "ict_sd": ict.sd,
        "ict_low": ict.low,
        "ict_high": ict.high,
        "heart_width_px": ict.heart_width_px,
        "thorax_width_px": ict.thorax_width_px,
        "heart_width_mm": ict.heart_width_mm,
        "thorax_width_mm": ict.thorax_width_mm,
        "ict_threshold": ict.threshold,
        "ict_rule": ict.rule,
        "enlarged": ict.enlarged,
        "expected_error_px224": measured.expected_error_px224,
        "expected_error_high_px224": measured.expected_error_high_px224,
        "bucket": measured.bucket,
        "bucket_basis": measured.bucket_basis,
        "frontal_probability": measured.frontal_probability,
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
        header=_header(row),
        measurement=_measurement(row),
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
    )


def _header(row: AnyRow) -> Header:
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


def _measurement(row: AnyRow) -> Measurement:
    return Measurement(
        points=tuple((x, y) for x, y in row.points),
        spreads=tuple(row.spreads),
        ict=Ict(
            value=row.ict,
            sd=row.ict_sd,
            low=row.ict_low,
            high=row.ict_high,
            heart_width_px=row.heart_width_px,
            thorax_width_px=row.thorax_width_px,
            heart_width_mm=row.heart_width_mm,
            thorax_width_mm=row.thorax_width_mm,
            threshold=row.ict_threshold,
            rule=row.ict_rule,
            enlarged=row.enlarged,
        ),
        expected_error_px224=row.expected_error_px224,
        expected_error_high_px224=row.expected_error_high_px224,
        bucket=row.bucket,
        bucket_basis=row.bucket_basis,
        frontal_probability=row.frontal_probability,
    )
