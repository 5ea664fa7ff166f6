"""Deleting thoraq's files about forgotten data: reports, pictures, rows of failed/reasons.csv.

Only files that thoraq wrote and that are unchanged are deleted; radiographs are never touched.
"""

from __future__ import annotations

import os
import socket
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from db.erasure_records import Output
from db.states import Destination
from scheduler.errors import PlaceAltered, ReasonsForeign
from scheduler.intake.failure_table import PATH as REASONS_PATH
from scheduler.intake.failure_table import FailureTable
from scheduler.intake.inbox import Inbox
from scheduler.rights import as_operator


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Removed files, or files to remove in a dry run; ``left``: other files, each with a reason."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)  # outputs whose records can be deleted


def remove_outputs(outputs: Iterable[Output], own: Path, *, dry_run: bool) -> Leftovers:
    """Remove the files of this host that are unchanged since thoraq wrote them.

    ``own``: the folder of reports in the state folder, where a missing folder means deleted, not
    unmounted. Files that may be removed later have no id in the result.
    """
    host = socket.gethostname()
    found = Leftovers()
    own = own.absolute()
    for each in sorted(outputs, key=lambda one: one.unfinished):
        if each.exported_at is not None:
            _list_export(found, each, host)
            continue
        if each.host != host:
            found.left.append(f"{each.path} on {each.host}")
        elif each.unfinished and each.path in found.removed:  # in a dry run it still exists
            found.ids.append(each.id)
        else:
            _remove_output(each, own, found, dry_run=dry_run)
    return found


def _list_export(found: Leftovers, export: Output, host: str) -> None:
    """List an exported file; the record of one that is gone from this host can be deleted."""
    if export.host == host and not os.path.lexists(export.path):
        found.ids.append(export.id)
        return
    where = "" if export.host == host else f" on {export.host}"
    when = f"{export.exported_at:%Y-%m-%d}"
    line = f"{export.path}{where}: exported on {when}, may contain deleted rows; delete it"
    if line not in found.left:  # it may contain several of the batches
        found.left.append(line)


def _remove_output(each: Output, own: Path, found: Leftovers, *, dry_run: bool) -> None:
    try:
        if why := _why_left(os.lstat(each.path), each, own):
            found.left.append(f"{each.path}: {why}")
            if not each.unfinished:
                found.ids.append(each.id)  # it is no longer thoraq's file
            return
        if not dry_run:
            Path(each.path).unlink()
    except (FileNotFoundError, NotADirectoryError):
        if _may_be_unmounted(Path(each.path), own):
            found.left.append(f"{each.path}: its folder is missing; its share may be unmounted")
        else:
            found.ids.append(each.id)
    except OSError as exc:
        found.left.append(f"{each.path}: {exc.strerror}")
    else:
        found.removed.append(each.path)
        found.ids.append(each.id)


def remove_reports(folders: Iterable[Path], names: Sequence[str], *, dry_run: bool) -> Leftovers:
    """Remove the reports in folders of the state folder, which are thoraq's own."""
    found = Leftovers()
    for folder in folders:
        for name in names:
            path = folder / name
            try:
                if not stat.S_ISREG(path.lstat().st_mode):
                    continue
                if not dry_run:
                    path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as exc:
                found.left.append(f"{path}: {exc.strerror}")
            else:
                found.removed.append(str(path))
        if not dry_run:
            with suppress(OSError):  # it contains other files
                folder.rmdir()
    return found


def strike_reasons(paths: Iterable[str], *, dry_run: bool) -> Leftovers:
    """Remove rows about files in ``failed/`` from the tables there."""
    found = Leftovers()
    lines: defaultdict[Path, list[str]] = defaultdict(list)
    for path in paths:
        for watched, below in _watched(Path(path)):
            lines[watched].append(below)
    for watched, gone in sorted(lines.items()):
        table = watched / REASONS_PATH
        try:
            if not table.exists():
                continue
            if not dry_run:
                _strike(watched, gone)
        except (ReasonsForeign, PlaceAltered):
            found.left.append(f"{table}: changed since thoraq wrote it")
        except OSError as exc:
            found.left.append(f"{table}: {exc.strerror}")
        else:
            found.removed.append(f"{len(gone)} lines of {table}")
    return found


def _strike(watched: Path, gone: Sequence[str]) -> None:
    inbox = Inbox(watched)
    try:
        with as_operator(watched):
            FailureTable().change(inbox, [], gone)
    finally:
        inbox.close()


def _watched(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each folder that may have been the watched one, and the path below its failed/."""
    for folder in path.parents:
        if folder.name == Destination.FAILED:
            yield folder.parent, str(path.relative_to(folder))


def _may_be_unmounted(path: Path, own: Path) -> bool:
    """Whether a missing file may be on an unmounted share."""
    return not (own if path.is_relative_to(own) else path.parent).is_dir()


def _why_left(found: os.stat_result, written: Output, own: Path) -> str | None:
    """Return why a file is not removed; None: it may be removed."""
    if written.unfinished:
        # Only thoraq writes to the folder of reports.
        ours = stat.S_ISREG(found.st_mode) and Path(written.path).is_relative_to(own)
        return None if ours else "was not completely written; remove it by hand"
    as_written = (found.st_size, found.st_mtime_ns) == (written.size, written.mtime_ns)
    ours = stat.S_ISREG(found.st_mode) and as_written
    return None if ours else "changed since it was written"
