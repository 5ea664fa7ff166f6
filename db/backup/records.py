"""What is known of a copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from db.errors import CopyDamaged, CopyForeign
from db.tables import batch, file, job, measurement


@dataclass(frozen=True, slots=True)
class CopyRemark:
    """What a database holds beside thoraq's: left out of a copy, or so that no restore takes it."""

    left_out: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyCount:
    """Rows of the main tables, as a copy was taken or brought back."""

    batches: int
    files: int
    jobs: int
    measurements: int
    #: Where a restore put a database that could not be read any more.
    moved_aside: Path | None = None
    remark: CopyRemark = CopyRemark()


@dataclass(frozen=True, slots=True)
class CopyContents:
    """What a file turned out to hold.

    ``revision``: of its schema; None: it has none. ``entries``: SQLite's catalogue, kind, name and
    statement. ``listed``: an archive's, line by line.
    """

    tables: frozenset[str]
    revision: str | None
    entries: tuple[tuple[str, str, str | None], ...] = ()
    listed: tuple[str, ...] = ()


def check_magic(source: Path, magic: bytes) -> None:
    """Check that a file begins as copies of its kind do. Raises CopyForeign, CopyDamaged."""
    try:
        with source.open("rb") as opened:
            head = opened.read(len(magic))
    except OSError as exc:
        raise CopyDamaged(f"{source}: {exc.strerror}") from exc
    if head != magic:
        raise CopyForeign.about(source)


def count_rows(connection: Connection) -> CopyCount:
    """Count the main tables' rows."""
    batches, files, jobs, measurements = (
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (batch, file, job, measurement)
    )
    return CopyCount(batches, files, jobs, measurements)
