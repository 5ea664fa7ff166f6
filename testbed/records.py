"""Synthetic records: files, outcomes, and the steps by which they pass through a database."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from db.claims import claim_chunk, store_outcomes
from db.database import Database
from db.intake import open_batch, record_files
from db.outbox import mark_sent, unsent_chunks
from db.records import (
    Batch,
    Claim,
    ClaimedJob,
    FileStat,
    Outcome,
    Provenance,
    Refusal,
    RetryPolicy,
    SeenFile,
)
from db.states import Priority
from db.training.records import RunCheck, RunPhase
from radiograph.errors import Disposition
from radiograph.measures.values import of_points
from radiograph.records import (
    Bucket,
    BucketBasis,
    Header,
    Ict,
    IctRule,
    ImageFormat,
    Measurement,
    PixelSpacing,
    SpacingSource,
    View,
)

START = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
MODEL = "lungs-1"
RETRY = RetryPolicy(max_attempts=3, base_seconds=10.0)
LEASE = 60.0

CHECK = RunCheck(
    ordinal=0,
    phase=1,
    phase_name="wing",
    step=50,
    steps=100,
    epoch=1.5,
    epochs=3.0,
    seconds=12.0,
    seconds_left=12.0,
    loss_parts={"points": 4.5},
    error_px224=6.1,
    ict_error=None,
    best_px224=6.1,
    learning_rate=1e-3,
)
PHASE = RunPhase(
    ordinal=0,
    phase=1,
    phase_name="wing",
    kept=True,
    reason="started from scratch",
    error_px224=5.9,
    start_px224=None,
    difference_low=None,
    difference_high=None,
    ict_error=0.02,
    steps=100,
    seconds=24.0,
    figures={"test_px224": 6.0},
)

AWAY = Refusal("file-unavailable", "the share is away", Disposition.FAILED, permanent=False)
BROKEN = Refusal("truncated-file", "the file ends early", Disposition.FAILED)
LATERAL = Refusal("lateral-view", "a lateral", Disposition.SET_ASIDE)


def content(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def seen(number: int, *, path: str | None = None, mtime_ns: int = 1) -> SeenFile:
    """Return a file with the content ``number``."""
    stat = FileStat(path or f"/archive/{number}.dcm", 1000 + number, mtime_ns)
    return SeenFile(stat, content(number), ImageFormat.DICOM)


def refused(name: str, refusal: Refusal = BROKEN) -> SeenFile:
    return SeenFile(FileStat(f"/archive/{name}", 10, 1), refusal=refusal)


def submit(
    db: Database,
    files: Sequence[SeenFile],
    *,
    name: str = "night",
    priority: Priority = Priority.ROUTINE,
    chunk_size: int = 4,
    model: str = MODEL,
) -> Batch:
    batch = open_batch(db, name, priority, now=START)
    record_files(db, batch, files, model, chunk_size, now=START)
    return batch


def send(db: Database, *, now: datetime = START) -> list[int]:
    """Send every chunk that is due; return their ids in the order sent."""
    ids = [message.chunk_id for message in unsent_chunks(db, 1000, now=now)]
    mark_sent(db, ids, now=now)
    return ids


def claim(db: Database, chunk_id: int, *, now: datetime = START) -> Claim:
    taken = claim_chunk(db, chunk_id, "cpu0@host", LEASE, now=now)
    assert taken is not None
    return taken


def measurement(
    *, ict: float | None = 0.48, enlarged: bool | None = False, bucket: Bucket = Bucket.GOOD
) -> Measurement:
    points = tuple((float(i), float(i) + 0.5) for i in range(19))
    return Measurement(
        points=points,
        spreads=tuple(1.0 + i / 10 for i in range(19)),
        ict=Ict(
            value=ict,
            sd=0.01,
            low=None if ict is None else ict - 0.02,
            high=None if ict is None else ict + 0.02,
            heart_width_px=120.0,
            thorax_width_px=250.0,
            heart_width_mm=12.0,
            thorax_width_mm=25.0,
            threshold=0.5,
            rule=IctRule.ADULT_PA,
            enlarged=enlarged,
        ),
        expected_error_px224=4.2,
        expected_error_high_px224=6.1,
        bucket=bucket,
        bucket_basis=BucketBasis.EXPECTED,
        frontal_probability=0.99,
        values=of_points(points, header()),
    )


def header(**changed: Any) -> Header:
    fields: dict[str, Any] = {
        "format": ImageFormat.DICOM,
        "rows": 2048,
        "columns": 2500,
        "study_uid": "1.2.3",
        "series_uid": "1.2.3.4",
        "sop_uid": "1.2.3.4.5",
        "patient_id": "p-1",
        "accession": "a-1",
        "study_date": date(2025, 5, 17),
        "modality": "DX",
        "body_part": "CHEST",
        "view": View.PA,
        "age_years": 43.0,
        "sex": "F",
        "transfer_syntax": "1.2.840.10008.1.2.1",
        "photometric": "MONOCHROME1",
        "bits_stored": 12,
        "spacing": PixelSpacing(0.1, 0.1, SpacingSource.PIXEL_SPACING),
    }
    return Header(**(fields | changed))


def provenance(attempt: int = 1, model: str = MODEL) -> Provenance:
    return Provenance(model, "d" * 64, "0.1.0", "cpu", "float32", "cpu0@host", 12.5, attempt)


def measured(job: ClaimedJob, of: Measurement | None = None, **head: Any) -> Outcome:
    return Outcome(
        job.job_id,
        header=header(**head),
        pixel_digest="e" * 64,
        measurement=of or measurement(),
        provenance=provenance(job.attempt),
    )


def refusing(job: ClaimedJob, refusal: Refusal) -> Outcome:
    return Outcome(job.job_id, refusal=refusal)


def store(db: Database, taken: Claim, outcomes: Sequence[Outcome], *, now: datetime = START) -> int:
    return store_outcomes(db, taken.owner, outcomes, "cpu0@host", RETRY, now=now)


def measure_all(db: Database, *, now: datetime = START) -> None:
    """Send, claim and measure everything that is due."""
    for chunk_id in send(db, now=now):
        taken = claim(db, chunk_id, now=now)
        assert store(db, taken, [measured(job) for job in taken.jobs], now=now) == len(taken.jobs)
