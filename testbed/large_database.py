"""A database of many finished radiographs, written directly into the tables.

Rare properties are at the end of the order of measurement, where they are the hardest to find.
Dates and indices are spread over all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Table

from db.bulk import bound_rows, insert_of_rows
from db.columns import path_digest
from db.database import Database, pieces
from db.intake import open_batch
from db.models import register_model
from db.records import FileStat
from db.rows import measurement_columns
from db.states import JobState, Priority
from db.tables import file, job, measurement, radiograph
from db.tally import fold
from radiograph.records import Bucket, ImageFormat, View
from testbed.records import MODEL, START, provenance
from testbed.records import measurement as made_measurement

#: The network and the batch of the last hundredth of the radiographs.
LATE_MODEL, LATE_BATCH = "lungs-2", "evening"
BATCH = "night"
_BLOCK = 20_000
_DAYS = 9000
_COMMON = tuple(each for each in Bucket if each is not Bucket.UNRATED)


class MadeRadiograph(NamedTuple):
    """The values of a numbered radiograph."""

    number: int
    batch: str
    model: str
    measured_at: datetime
    study_uid: str
    study_date: date
    patient: str
    ict: float
    bucket: Bucket  # one in a thousand is unrated

    @property
    def enlarged(self) -> bool:
        """Return whether its ICT is above one half."""
        return self.ict > 0.5

    @property
    def stat(self) -> FileStat:
        """Return its file, as a submission sees it."""
        path = f"/archive/{self.number // 1000:04}/{self.number:07}.dcm"
        return FileStat(path, 1000, self.number)


def made_radiographs(numbers: Sequence[int], count: int) -> Iterator[MadeRadiograph]:
    """Yield some radiographs of an archive of ``count``, numbered from 1."""
    for n in numbers:
        late = n > count - count // 100
        yield MadeRadiograph(
            number=n,
            batch=LATE_BATCH if late else BATCH,
            model=LATE_MODEL if late else MODEL,
            measured_at=START + n * timedelta(milliseconds=10),
            study_uid=f"1.2.{n}",
            study_date=date(2000, 1, 1) + timedelta(days=n * 104_729 % _DAYS),
            patient=f"p-{n // 3}",
            ict=0.3 + n * 7919 % 40_000 / 100_000,
            bucket=_COMMON[n % len(_COMMON)] if n % 1000 else Bucket.UNRATED,
        )


def fill(database: Database, count: int) -> Iterator[int]:
    """Write ``count`` radiographs into an empty database; yield how many are written so far."""
    register_model(database, MODEL, "a" * 64, {}, serve=True)
    register_model(database, LATE_MODEL, "b" * 64, {}, serve=False)
    batches = {
        name: open_batch(database, name, Priority.ROUTINE).id for name in (BATCH, LATE_BATCH)
    }
    of = measurement_columns(made_measurement(), provenance())
    for numbers in pieces(range(1, count + 1), _BLOCK):
        block = list(made_radiographs(numbers, count))
        with database.write() as connection:
            _insert(connection, radiograph, [_radiograph(made) for made in block])
            _insert(connection, job, [_job(made) for made in block])
            _insert(connection, measurement, [of | _measurement(made) for made in block])
            # Last: the tally counts a file by its measurement.
            _insert(connection, file, [_file(made, batches[made.batch]) for made in block])
        fold(database)  # as a submission does
        yield numbers[-1]


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    statement = insert_of_rows(connection.dialect.name, table, tuple(rows[0]))
    connection.execute(statement, bound_rows(connection, table, rows))


def _radiograph(made: MadeRadiograph) -> dict[str, object]:
    return {
        "id": made.number,
        "sha256": f"{made.number:064x}",
        "format": ImageFormat.DICOM,
        "path": made.stat.path,
        "size": made.stat.size,
        "study_uid": made.study_uid,
        "study_date": made.study_date,
        "patient_id": made.patient,
        "view": View.PA,
        "frames": 1,
        "created_at": START,
    }


def _job(made: MadeRadiograph) -> dict[str, object]:
    return {
        "id": made.number,
        "radiograph_id": made.number,
        "model_version": made.model,
        "state": JobState.MEASURED,
        "priority": Priority.ROUTINE,
        "attempts": 1,
        "transient_refusals": 0,
        "alone_crashes": 0,
        "first_claimed_at": made.measured_at - timedelta(seconds=1),
        "settled_at": made.measured_at,
    }


def _file(made: MadeRadiograph, batch_id: int) -> dict[str, object]:
    return {
        "batch_id": batch_id,
        "path": made.stat.path,
        "path_digest": path_digest(made.stat.path),
        "size": made.stat.size,
        "mtime_ns": made.stat.mtime_ns,
        "sha256": f"{made.number:064x}",
        "radiograph_id": made.number,
        "job_id": made.number,
        "duplicate": False,
        "seen_at": START,
    }


def _measurement(made: MadeRadiograph) -> dict[str, object]:
    return {
        "radiograph_id": made.number,
        "model_version": made.model,
        "measured_at": made.measured_at,
        "bucket": made.bucket,
        "ict": made.ict,
        "enlarged": made.enlarged,
    }
