"""Records about copies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from db.errors import CopyDamaged, CopyForeign
from db.tables import batch, file, job, measurement


@dataclass(frozen=True, slots=True)
class CopyRemark:
    """Objects that are not thoraq's: left out of a copy, or in it and refused by a restore."""

    left_out: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyCount:
    """Rows of the main tables when a copy was made or restored."""

    batches: int
    files: int
    jobs: int
    measurements: int
    #: Path to which a restore moved an unreadable database.
    moved_aside: Path | None = None
    remark: CopyRemark = CopyRemark()


@dataclass(frozen=True, slots=True)
class CopyContents:
    """The contents of a copy.

    ``revision``: of its schema; None: it has none. ``entries``: SQLite's catalogue: kind, name and
    statement. ``listed``: the lines of an archive's list.
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
