"""What thoraq wrote to disk about what is forgotten: reports, pictures, lines of failed/.

Only what thoraq wrote is removed, as it left it; radiographs are never touched.
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
    """What was removed, or would be; ``left`` says of each other file why it stays."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)  # outputs that need no note any more


def remove_outputs(outputs: Iterable[Output], own: Path, *, dry_run: bool) -> Leftovers:
    """Remove the files of this host that are as thoraq left them.

    ``own``: the folder of reports in the state folder, whose folders only thoraq removes. What is
    left for another time has no id in the answer.
    """
    host = socket.gethostname()
    said = Leftovers()
    own = own.absolute()
    for each in sorted(outputs, key=lambda one: one.unfinished):
        if each.exported_at is not None:
            _name_export(said, each, host)
            continue
        if each.host != host:
            said.left.append(f"{each.path} on {each.host}")
        elif each.unfinished and each.path in said.removed:  # in a dry run it is there
            said.ids.append(each.id)
        else:
            _remove_output(each, own, said, dry_run=dry_run)
    return said


def _name_export(said: Leftovers, export: Output, host: str) -> None:
    """Name a person's file; one of this host that is gone needs no note any more."""
    if export.host == host and not os.path.lexists(export.path):
        said.ids.append(export.id)
        return
    where = "" if export.host == host else f" on {export.host}"
    when = f"{export.exported_at:%Y-%m-%d}"
    line = f"{export.path}{where}: exported on {when}, may hold rows of what goes; delete it"
    if line not in said.left:  # several batches of it go
        said.left.append(line)


def _remove_output(each: Output, own: Path, said: Leftovers, *, dry_run: bool) -> None:
    try:
        if why := _why_left(os.lstat(each.path), each, own):
            said.left.append(f"{each.path}: {why}")
            if not each.unfinished:
                said.ids.append(each.id)  # it is somebody's by now
            return
        if not dry_run:
            Path(each.path).unlink()
    except (FileNotFoundError, NotADirectoryError):
        if _is_away(Path(each.path), own):
            said.left.append(f"{each.path}: its folder is missing, as of a share that is away")
        else:
            said.ids.append(each.id)
    except OSError as exc:
        said.left.append(f"{each.path}: {exc.strerror}")
    else:
        said.removed.append(each.path)
        said.ids.append(each.id)


def remove_reports(folders: Iterable[Path], names: Sequence[str], *, dry_run: bool) -> Leftovers:
    """Remove the reports in folders of the state folder, which are thoraq's own."""
    said = Leftovers()
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
                said.left.append(f"{path}: {exc.strerror}")
            else:
                said.removed.append(str(path))
        if not dry_run:
            with suppress(OSError):  # it holds something else
                folder.rmdir()
    return said


def strike_reasons(paths: Iterable[str], *, dry_run: bool) -> Leftovers:
    """Remove the lines about files in ``failed/`` from the tables beside them."""
    said = Leftovers()
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
            said.left.append(f"{table}: is not as thoraq left it")
        except OSError as exc:
            said.left.append(f"{table}: {exc.strerror}")
        else:
            said.removed.append(f"{len(gone)} lines of {table}")
    return said


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


def _is_away(path: Path, own: Path) -> bool:
    """Whether a file that is not found may come back with its share."""
    return not (own if path.is_relative_to(own) else path.parent).is_dir()


def _why_left(found: os.stat_result, written: Output, own: Path) -> str | None:
    """Say why a file is not removed; None: it is thoraq's."""
    if written.unfinished:
        # Nobody else writes to the folder of reports.
        ours = stat.S_ISREG(found.st_mode) and Path(written.path).is_relative_to(own)
        return None if ours else "was not written to its end; remove it by hand"
    as_written = (found.st_size, found.st_mtime_ns) == (written.size, written.mtime_ns)
    ours = stat.S_ISREG(found.st_mode) and as_written
    return None if ours else "changed since it was written"
