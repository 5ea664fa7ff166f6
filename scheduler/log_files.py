"""Log files of the state folder: rotated by the supervisor, followed by the writing processes.

Several processes write to one file: a worker, its child, and what they start. The supervising
command renames a large file; each writer checks before every line whether the name now belongs to
a new file, and opens that. No line is lost or copied, and no process waits for another.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scheduler.settings import Settings, process_environment

_STDOUT, _STDERR = 1, 2
#: Longer than any last line that thoraq writes.
_TAIL_BYTES = 64 << 10
_LOCK: Final = ".rotation"
#: Variable with the log file of a process, set by the command that starts it.
OWN_LOG: Final = "THORAQ_OWN_LOG"


def own_log() -> Path | None:
    """Return the log file behind stderr, if a command that rotates it started this process."""
    path = process_environment().get(OWN_LOG)
    return Path(path) if path else None


def log_folder(settings: Settings) -> Path:
    """Return the folder of the logs of processes that a command starts."""
    return settings.state.absolute() / "logs"


def open_log(path: Path) -> int:
    """Return a descriptor that appends to a log file; a link is not followed."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o666)  # the umask limits who can read it


def rotate(path: Path, *, most_bytes: int, files: int) -> bool:
    """Rename a log file that is larger than ``most_bytes``; return whether it was renamed.

    Up to ``files`` rotated files are kept, ``.1`` the newest. Raises OSError.
    """
    if not _is_larger(path, most_bytes):
        return False
    lock = os.open(path.with_name(_LOCK), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_larger(path, most_bytes):  # another command has rotated it
            return False
        for number, each in sorted(rotated_logs(path), reverse=True):
            if number >= files:
                each.unlink(missing_ok=True)
            else:
                each.replace(_numbered(path, number + 1))
        path.replace(_numbered(path, 1))
        os.close(open_log(path))
    finally:
        os.close(lock)
    return True


def rotated_logs(path: Path) -> Iterator[tuple[int, Path]]:
    """Yield the rotated files of a log, each with its number."""
    for each in path.parent.glob("*"):
        name, _, number = each.name.rpartition(".")
        if name == path.name and number.isascii() and number.isdigit() and number[0] != "0":
            yield int(number), each


def last_line(path: Path) -> str:
    """Return the last line of a log that is not empty, even if it was just rotated."""
    for each in (path, _numbered(path, 1)):
        try:
            with each.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read(_TAIL_BYTES).decode(errors="replace").split("\n")
        except OSError:
            continue
        if last := next((line for line in reversed(lines) if line.strip()), None):
            return last
    return "its log is empty"


class FollowingHandler(logging.StreamHandler):  # type: ignore[type-arg]  # of no class in 3.11
    """Writes to stderr, which is the file ``path``, possibly from before its rotation.

    Other output of this process, such as a traceback, is redirected to the new file too.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once, so that lines of several processes do not mix."""
        try:
            line = f"{self.format(record)}{self.terminator}".encode(errors="backslashreplace")
            self._follow()
            while line:
                line = line[os.write(_STDERR, line) :]
        except Exception:  # noqa: BLE001 - as in every logging handler
            self.handleError(record)

    def _follow(self) -> None:
        held = os.fstat(_STDERR)
        try:
            if os.path.samestat(held, self._path.lstat()):
                return
        except OSError:
            pass  # renamed, and not created again yet
        try:
            opened = open_log(self._path)
        except OSError:
            return  # a full disk: keep writing to the open file
        for descriptor in (_STDOUT, _STDERR):
            if os.path.samestat(os.fstat(descriptor), held):
                os.dup2(opened, descriptor)
        os.close(opened)


def is_file(descriptor: int = _STDERR) -> bool:
    """Whether a descriptor is a regular file."""
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _is_larger(path: Path, most_bytes: int) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > most_bytes
