"""What a batch could not measure: each code once, with its remedy and its first files."""

from __future__ import annotations

from dataclasses import dataclass

from db.database import Database
from db.query.failure_records import FailureFilter
from db.query.failures import find_failures
from db.records import BatchStatus
from results.audited_reads import Reading
from results.codes import known_codes
from results.columns import failure_row
from results.rows import Row
from results.shown_rows import shown_failure
from scheduler.terminal import printable

#: Most files of one code and of all codes, and the most characters of one text.
FILES_PER_CODE, FILES = 10, 200
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class FailedCode:
    """A code with the files that have it. ``files``: the newest ones, with ``path`` and ``detail``.

    ``kind``: failed, or set aside.
    """

    code: str
    kind: str
    count: int
    remedy: str
    files: tuple[Row, ...]


def failed_codes(database: Database, status: BatchStatus, reading: Reading) -> list[FailedCode]:
    """Return the codes of a batch, failures before what was set aside. Raises BatchUnknown."""
    codes = known_codes()
    found, room = [], FILES
    for name, count in sorted(status.codes.items(), key=lambda item: (-item[1], item[0])):
        code = codes.get(name)
        most = min(room, FILES_PER_CODE)
        wanted = FailureFilter(batch=status.batch.name, codes=(name,), limit=most)
        failures = list(reading.records(find_failures(database, wanted))) if most else []
        room -= len(failures)
        rows = [shown_failure(failure_row(each), codes) for each in failures]
        found.append(
            FailedCode(
                code=name,
                kind="set aside" if code is not None and code.set_aside else "failed",
                count=count,
                remedy="" if code is None else code.sentence,
                files=tuple(
                    {"path": _cut(row["path"]), "detail": _cut(row["detail"])} for row in rows
                ),
            )
        )
    return sorted(found, key=lambda each: each.kind == "set aside")


def _cut(text: object) -> str:
    """Return a text without control characters; of a long one its beginning and end."""
    shown = "" if text is None else printable(str(text))
    half = _LONGEST // 2
    return shown if len(shown) <= _LONGEST else f"{shown[:half]} ... {shown[-half:]}"
