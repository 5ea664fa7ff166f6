"""The witness: triggers in the database that count how often each job was measured."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text

from db.database import Database
from db.query.results import file_outcomes, find_results
from db.query.status import all_statuses
from db.records import ResultFilter
from db.tables import file, job, measurement
from testbed.tables import guard_moves
from testbed.tally import Counted, count_anew, counts_of

_SQLITE = (
    "CREATE TABLE measured_move (job_id INTEGER NOT NULL)",
    (
        "CREATE TRIGGER witness AFTER UPDATE OF state ON job "
        "WHEN NEW.state = 'measured' AND OLD.state <> 'measured' "
        "BEGIN INSERT INTO measured_move VALUES (NEW.id); END"
    ),
    "CREATE TABLE measurement_write (radiograph_id INTEGER NOT NULL)",
    (
        "CREATE TRIGGER witness_insert AFTER INSERT ON measurement "
        "BEGIN INSERT INTO measurement_write VALUES (NEW.radiograph_id); END"
    ),
    (
        "CREATE TRIGGER witness_update AFTER UPDATE ON measurement "
        "BEGIN INSERT INTO measurement_write VALUES (NEW.radiograph_id); END"
    ),
)
_POSTGRES = (
    "CREATE TABLE measured_move (job_id BIGINT NOT NULL)",
    "CREATE TABLE measurement_write (radiograph_id BIGINT NOT NULL)",
    (
        "CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO measured_move VALUES (NEW.id); RETURN NULL; END $$"
    ),
    (
        "CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO measurement_write VALUES (NEW.radiograph_id); RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER witness AFTER UPDATE ON job FOR EACH ROW "
        "WHEN (NEW.state = 'measured' AND OLD.state <> 'measured') EXECUTE FUNCTION note_move()"
    ),
    (
        "CREATE TRIGGER witness_write AFTER INSERT OR UPDATE ON measurement FOR EACH ROW "
        "EXECUTE FUNCTION note_write()"
    ),
)


def call_witness(database: Database) -> None:
    """Start counting in the database, and refuse invalid moves of jobs."""
    guard_moves(database)
    with database.write() as connection:
        for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRES:
            connection.execute(text(statement))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a file ended; ``points`` and ``ict`` if its content was measured."""

    state: str
    duplicate: bool
    code: str | None


@dataclass(frozen=True, slots=True)
class Testimony:
    """The content of the database at the end of a run."""

    files: dict[str, list[Ending]]  # by path
    results: dict[str, tuple[tuple[float, ...], float | None]]  # by content
    twice: int  # jobs measured, or measurements written, more than once
    unexplained: int  # rows that violate the ledger: no outcome, no reason, several results


def testify(database: Database) -> Testimony:
    """Read the whole database, row by row."""
    files: dict[str, list[Ending]] = {}
    for each in file_outcomes(database):
        state = "duplicate" if each.duplicate else str(each.state or "refused")
        files.setdefault(each.path, []).append(Ending(state, each.duplicate, each.code))
    results = {
        each.sha256: (
            tuple(value for point in each.measurement.points for value in point),
            each.measurement.ict.value,
        )
        for each in find_results(database, ResultFilter())
    }
    with database.read() as connection:
        twice = sum(
            connection.execute(
                text(
                    f"SELECT count(*) FROM (SELECT {column} FROM {table} "  # noqa: S608 - ours
                    f"GROUP BY {column} HAVING count(*) > 1) AS often"
                )
            ).scalar_one()
            for table, column in (
                ("measured_move", "job_id"),
                ("measurement_write", "radiograph_id"),
            )
        )
        measured = connection.execute(
            select(func.count()).select_from(job).where(job.c.state == "measured")
        ).scalar_one()
        rows = connection.execute(select(func.count()).select_from(measurement)).scalar_one()
        owned = connection.execute(
            select(func.count(func.distinct(file.c.job_id))).where(
                file.c.duplicate.is_(False), file.c.job_id.is_not(None)
            )
        ).scalar_one()
        jobs = connection.execute(select(func.count()).select_from(job)).scalar_one()
    unexplained = abs(measured - rows) + abs(jobs - owned)
    unexplained += sum(
        each.state in {"queued", "running"} or (each.state == "failed" and each.code is None)
        for endings in files.values()
        for each in endings
    )
    counted = count_anew(database)
    unexplained += sum(
        counts_of(status) != counted.get(status.batch.name, Counted())
        for status in all_statuses(database)
    )
    return Testimony(files, results, twice, unexplained)
