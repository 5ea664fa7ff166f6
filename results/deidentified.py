"""Results without anything that tells a patient, a visit, a place or a file."""

from __future__ import annotations

from results.rows import Row

#: Numbers, UIDs, dates and paths; digests, by which a file would be found again; the time of
#: measuring, often the day of the study; the host; and what is free text in the header.
LEFT_OUT = frozenset(
    {
        *("path", "sha256", "pixel_digest"),
        *("study_uid", "series_uid", "sop_uid", "patient_id", "accession", "study_date"),
        *("measured_at", "worker"),
        *("modality", "body_part", "transfer_syntax", "photometric"),
    }
)
#: Older ages are this one, in years.
OLDEST_SHOWN = 90.0


def deidentified(row: Row) -> Row:
    """Return a row without identifying columns, and with its age at most `OLDEST_SHOWN`."""
    kept = {name: value for name, value in row.items() if name not in LEFT_OUT}
    age = kept.get("age_years")
    if isinstance(age, float | int):
        kept["age_years"] = min(age, OLDEST_SHOWN)
    return kept
