"""Putting away ended files: moving them to ``done/`` and ``failed/``, or deleting them.

Files are moved first and recorded afterwards, in small blocks. After a crash in between, the file
is at its new path and is only recorded. Nothing is ever overwritten. A table in ``failed/`` lists
why each file is there; it is written before the database records the move, so none is missing.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import structlog

from db.database import Database
from db.intake import known_files
from db.put_away_paths import ended_files, record_places
from db.records import Batch, EndedFile, FileStat, PlacedFile
from db.states import Destination
from radiograph.errors import without_remedy
from scheduler.errors import PlaceAltered, ReasonsForeign
from scheduler.intake.failure_table import PATH as REASONS_PATH
from scheduler.intake.failure_table import FailureRow, FailureTable
from scheduler.intake.inbox import Inbox
from scheduler.rights import as_operator

_log = structlog.stdlib.get_logger(__name__)

#: Files moved before they are recorded.
_BLOCK = 100
_FOLDERS = (Destination.DONE, Destination.FAILED)


class After(StrEnum):
    """What to do with a watched file that has ended."""

    LEAVE = "leave"
    MOVE = "move"  # measured files to done/, all others to failed/
    DELETE = "delete"  # measured files are deleted, all others moved to failed/


class PutAway:
    """Puts away the ended files of ``batch`` below ``folder``, a resolved path.

    ``remedies``: remedy of each code, for the table in ``failed/``.
    """

    def __init__(
        self,
        database: Database,
        batch: Batch,
        folder: Path,
        after: After,
        remedies: Mapping[str, str],
        *,
        went_on: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self.batch = batch
        self._folder = folder
        self._after = after
        self._remedies = remedies
        self._went_on = went_on
        self._reasons = FailureTable()
        # Files that the last round did not find. Swapping folders can hide a file for a moment, so
        # a file counts as gone only in the second round.
        self._missed: set[int] = set()

    @property
    def not_watched(self) -> list[Path]:
        """Paths that the watch skips: folders of put-away files, or the table of an earlier one."""
        if self._after is After.LEAVE:
            return [self._folder / REASONS_PATH]
        return [self._folder / place for place in _FOLDERS]

    def run(self) -> list[FileStat]:
        """Put away ended files; return them as they were found by the scan.

        Raises PlaceAltered, DatabaseError.
        """
        if self._after is After.LEAVE:
            return []
        try:
            inbox = Inbox(self._folder)
        except OSError as exc:
            _log.warning("files cannot be put away", error=type(exc).__name__)
            return []
        try:
            with as_operator(self._folder):
                return self._put_all(inbox) if self._prepared(inbox) else []
        finally:
            inbox.close()

    def _prepared(self, inbox: Inbox) -> bool:
        """Make the folders; return False if the share is unmounted and its files only seem gone."""
        try:
            if all(inbox.has_folder(place) for place in _FOLDERS):
                return True
            # An empty folder without the folders made earlier is a mount point without its share.
            if inbox.is_empty() and ended_files(self._database, self.batch, after=0, limit=1):
                return False
            for place in _FOLDERS:
                inbox.make_folder(place)
        except OSError as exc:
            _log.warning("files cannot be put away", error=type(exc).__name__)
            return False
        return True

    def _put_all(self, inbox: Inbox) -> list[FileStat]:
        missed, self._missed = self._missed, set()
        put: list[FileStat] = []
        last = 0
        while ended := ended_files(self._database, self.batch, after=last, limit=_BLOCK):
            last = ended[-1].id
            placed = self._explained(inbox, ended, self._put_block(inbox, ended, missed))
            paths = [each.path for each in placed] + [each.stat.path for each in ended]
            paths.append(str(self._folder / REASONS_PATH))
            inbox.make_durable(self._folders_of(paths))  # before the database records the moves
            record_places(self._database, placed)
            ids = {each.id for each in placed}
            put += [each.stat for each in ended if each.id in ids]
        return put

    def _put_block(
        self, inbox: Inbox, ended: Sequence[EndedFile], missed: set[int]
    ) -> list[PlacedFile]:
        below = {each.id: path for each in ended if (path := self._below(each)) is not None}
        # A path may be free again and still be recorded: `done/` was emptied, and the file resent.
        targets = {
            each.id: self._target(each, below[each.id]) for each in ended if each.id in below
        }
        known = known_files(self._database, self.batch.id, list(targets.values()))
        placed = []
        faults: Counter[str] = Counter()
        for each in ended:
            self._went_on()
            if each.id not in below:
                continue
            taken = targets[each.id] in known
            try:
                put = self._put(inbox, each, below[each.id], taken=taken, missed=each.id in missed)
            except PlaceAltered as exc:
                faults[exc.code] += 1
            except OSError as exc:
                faults[type(exc).__name__] += 1
            else:
                placed += [] if put is None else [put]
        for fault, files in faults.items():
            _log.warning("files could not be put away", error=fault, files=files)
        return placed

    def _explained(
        self, inbox: Inbox, ended: Sequence[EndedFile], placed: list[PlacedFile]
    ) -> list[PlacedFile]:
        """Write why files are in ``failed/``; return the files that may be recorded now.

        If the table cannot be written, such as on a full disk, failed files are left to the next
        round.
        """
        failed = self._folder / Destination.FAILED
        by_id = {each.id: each for each in ended}
        added, gone = [], []
        for each in placed:
            former = by_id[each.id]
            if each.destination is Destination.FAILED:
                path = str(Path(each.path).relative_to(failed))
                added.append(self._reason(path, former))
            elif Path(former.stat.path).is_relative_to(failed):
                gone.append(str(Path(former.stat.path).relative_to(failed)))
        try:
            self._reasons.change(inbox, added, gone)
        except (ReasonsForeign, PermissionError):
            _log.warning(
                "files are put away without an entry in reasons.csv", code=ReasonsForeign.code
            )
        except (PlaceAltered, OSError) as exc:
            _log.warning("reasons.csv could not be written", error=type(exc).__name__)
            return [each for each in placed if each.destination is not Destination.FAILED]
        return placed

    def _reason(self, path: str, ended: EndedFile) -> FailureRow:
        code = ended.code or ""
        when = ended.ended_at.isoformat(timespec="seconds")
        remedy = self._remedies.get(code, "")
        return FailureRow.of(path, code, without_remedy(ended.detail or "", remedy), remedy, when)

    def _below(self, ended: EndedFile) -> Path | None:
        """Return the path below the folder; None for a file that must not be moved."""
        try:
            below = Path(ended.stat.path).relative_to(self._folder)
        except ValueError:
            return None  # submitted from elsewhere into the same batch
        if below.parts[0] == ended.wanted:
            return None
        # It failed first and was measured by a later attempt.
        return Path(*below.parts[1:]) if below.parts[0] in set(_FOLDERS) else below

    def _target(self, ended: EndedFile, below: Path) -> FileStat:
        path = self._folder / ended.wanted / below
        return FileStat(str(path), ended.stat.size, ended.stat.mtime_ns)

    def _folders_of(self, paths: Iterable[str]) -> set[str]:
        folders = {Path(path).parent for path in paths}
        return {
            str(each.relative_to(self._folder))
            for each in folders
            if each.is_relative_to(self._folder)
        }

    def _put(
        self, inbox: Inbox, ended: EndedFile, below: Path, *, taken: bool, missed: bool
    ) -> PlacedFile | None:
        """Put one file away; return None to try again in the next round."""
        targets = _targets(ended, below)
        source = str(Path(ended.stat.path).relative_to(self._folder))
        if inbox.holds(source, ended.stat):
            put = self._put_now(inbox, source, ended, targets[-1:] if taken else targets)
            if put is not None:
                return put
        # Gone or replaced: moved before a crash, else removed by another program.
        for target in targets:
            if inbox.holds(target, ended.stat):
                return self._placed(ended, target)
        if missed:
            return self._given_up(inbox, source, ended)
        self._missed.add(ended.id)
        return None

    def _put_now(
        self, inbox: Inbox, source: str, ended: EndedFile, targets: Sequence[str]
    ) -> PlacedFile | None:
        """Delete a file, or move it to the first free path; return None if it was replaced."""
        if self._is_deleted(ended):
            gone = inbox.delete(source, _aside(ended), ended.stat, ended.sha256)
            return PlacedFile(ended.id, ended.stat.path, Destination.DELETED) if gone else None
        for target in targets:
            try:
                inbox.move(source, target, ended.stat)
            except FileExistsError:
                continue
            return self._placed(ended, target)
        raise FileExistsError(errno.EEXIST, "both of its paths exist")

    def _given_up(self, inbox: Inbox, source: str, ended: EndedFile) -> PlacedFile:
        """Return the record of a file that is gone or was replaced; the new file stays."""
        if not self._is_deleted(ended):
            return PlacedFile(ended.id, ended.stat.path, Destination.GONE)
        aside = _aside(ended)
        if inbox.holds(aside, ended.stat):
            inbox.delete(aside, aside, ended.stat, ended.sha256)
        if inbox.holds(source, ended.stat):
            _log.warning("an unmeasured file replaced a measured one; touch it", file=ended.id)
            return PlacedFile(ended.id, ended.stat.path, Destination.GONE)
        return PlacedFile(ended.id, ended.stat.path, Destination.DELETED)

    def _placed(self, ended: EndedFile, target: str) -> PlacedFile:
        return PlacedFile(ended.id, str(self._folder / target), ended.wanted)

    def _is_deleted(self, ended: EndedFile) -> bool:
        return self._after is After.DELETE and ended.wanted is Destination.DONE


def _targets(ended: EndedFile, below: Path) -> list[str]:
    """Return the paths for a file: under its own name, else with its row id."""
    own = ended.wanted / below
    numbered = str(own.with_name(f"{below.stem}.{ended.id}{below.suffix}"))
    # Shares may be case-insensitive.
    return [numbered] if str(own).casefold() == REASONS_PATH else [str(own), numbered]


def _aside(ended: EndedFile) -> str:
    """Return the path to which a file is moved before it is deleted."""
    return f"{Destination.DONE}/.{ended.id}.part"
