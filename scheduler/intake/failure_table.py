"""The table of the files in ``failed/``: why each of them is there, and its remedy.

Senders may write to the folder, so the table is opened without following links, and a table that
thoraq did not write is left alone. It is always replaced as a whole: after a crash there is either
the old table or the new one.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import BinaryIO

from db.states import Destination
from radiograph.csv_lines import CsvLines, without_formula
from radiograph.folders import open_file
from scheduler.errors import ReasonsForeign
from scheduler.intake.file_rename import rename_new, rename_over
from scheduler.intake.inbox import Inbox

NAME = "reasons.csv"
#: Path in the watched folder.
PATH = f"{Destination.FAILED}/{NAME}"
COLUMNS = ("path", "code", "detail", "remedy", "when")
#: A larger table is treated as foreign. A million rows take half of it.
_LARGEST_BYTES = 1 << 29
_MOST_CHARACTERS = 4096
_READ_BYTES = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One row of the table; its texts are escaped so that spreadsheets see no formulas."""

    path: str  # below failed/
    code: str
    detail: str
    remedy: str
    when: str

    @classmethod
    def of(cls, *texts: str) -> FailureRow:
        """Return a row from its texts."""
        return cls(*(without_formula(each[:_MOST_CHARACTERS]) for each in texts))


class FailureTable:
    """The table of one watched folder."""

    def __init__(self) -> None:
        # Identity of the table as last written, and hashes of its paths: while it is unchanged,
        # rows are added without parsing it.
        self._left: tuple[int, ...] = ()
        self._paths: set[int] = set()

    def change(self, inbox: Inbox, added: Sequence[FailureRow], gone: Collection[str]) -> None:
        """Add rows, replacing older ones of the same paths, and drop the rows of ``gone`` paths.

        The caller syncs the folder to disk. Raises ReasonsForeign, PlaceAltered, OSError; the table
        is then unchanged.
        """
        paths = {without_formula(path) for path in gone} | {each.path for each in added}
        if not paths:
            return
        with inbox.folder_of(PATH) as (here, _):
            found = _found(here)
            unread = found is not None and _identity(found) == self._left
            if unread and self._paths.isdisjoint(map(hash, paths)):
                if added:
                    self._replace(here, found, None, added)
                return
            rows = [] if found is None else _rows(here, found)
            kept = [each for each in rows if each.path not in paths]
            if added or len(kept) < len(rows):
                self._replace(here, found, kept, added)

    def _replace(
        self,
        here: int,
        found: os.stat_result | None,
        kept: Sequence[FailureRow] | None,
        added: Sequence[FailureRow],
    ) -> None:
        """Replace the table; ``kept``: its rows to keep, None for all."""
        draft = f".thoraq-{token_hex(8)}.part"
        descriptor = os.open(draft, _NEW, 0o666, dir_fd=here)
        made = os.fstat(descriptor)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _check_owner(found, made)
                if kept is None and found is not None:
                    _copy(here, found, file)
                else:
                    file.write(_text(kept or (), heading=True))
                file.write(_text(added))
                file.flush()
                os.fsync(file.fileno())
            if found is None:
                rename_new(draft, here, NAME, here)
            else:
                rename_over(draft, NAME, here, found)
        except BaseException:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(draft, dir_fd=here, follow_symlinks=False), made):
                    os.unlink(draft, dir_fd=here)
            raise
        if kept is not None:
            self._paths = {hash(each.path) for each in kept}
        self._paths.update(hash(each.path) for each in added)
        self._left = _identity(os.stat(NAME, dir_fd=here, follow_symlinks=False))


def _found(here: int) -> os.stat_result | None:
    """Return the stat of the table, None if there is none. Raises ReasonsForeign."""
    try:
        found = os.stat(NAME, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_size > _LARGEST_BYTES:
        raise ReasonsForeign
    return found


def _check_owner(found: os.stat_result | None, made: os.stat_result) -> None:
    """Check that the table has the owner of a file made now: a share may map users.

    Raises ReasonsForeign.
    """
    if found is not None and found.st_uid != made.st_uid:
        raise ReasonsForeign


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@contextmanager
def _opened(here: int, found: os.stat_result) -> Iterator[BinaryIO]:
    """Open the table if it is still the one found. Raises ReasonsForeign, OSError."""
    try:
        descriptor = open_file(NAME, within=here)
    except PermissionError as exc:
        raise ReasonsForeign from exc
    with os.fdopen(descriptor, "rb") as file:
        if not os.path.samestat(os.fstat(descriptor), found):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        yield file


def _rows(here: int, found: os.stat_result) -> list[FailureRow]:
    """Return the rows of the table. Raises ReasonsForeign if thoraq did not write it, OSError."""
    with _opened(here, found) as file:
        text = file.read(_LARGEST_BYTES).decode("utf-8", "surrogateescape")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as exc:
        raise ReasonsForeign from exc
    if not lines or any(len(line) != len(COLUMNS) for line in lines):
        raise ReasonsForeign
    if tuple(lines[0]) != COLUMNS:
        raise ReasonsForeign
    return [FailureRow.of(*line) for line in lines[1:]]


def _copy(here: int, found: os.stat_result, into: BinaryIO) -> None:
    with _opened(here, found) as file:
        while block := file.read(_READ_BYTES):
            into.write(block)


def _text(reasons: Sequence[FailureRow], *, heading: bool = False) -> bytes:
    """Return rows as CSV in UTF-8; file names keep their bytes."""
    text = io.StringIO(newline="")
    lines = CsvLines(text, COLUMNS)
    if heading:
        lines.heading()
    for reason in reasons:
        lines.row(asdict(reason))
    return text.getvalue().encode("utf-8", "surrogateescape")
