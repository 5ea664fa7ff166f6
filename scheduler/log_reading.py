"""Reading the logs of one state folder in the order of time, including rotated files.

Only one line of each file is in memory. A line that is not JSON, such as a traceback or a line
truncated by a full disk, gets the time of the line before it.
"""

from __future__ import annotations

import heapq
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from scheduler.log_files import rotated_logs

#: Longer lines are read in pieces, so that a file without line ends does not fill the memory.
_LONGEST_LINE_BYTES = 1 << 20
_PAUSE_SECONDS = 0.5
UNKNOWN = datetime.min.replace(tzinfo=UTC)
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
#: Level of a line of the embedded Redis, by its marker.
_OF_REDIS: Final = {".": "debug", "-": "debug", "*": "info", "#": "warning"}
_REDIS_WORDS = 7


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``process``: the log's name; ``fields``: its keys, or its text if it is not JSON.

    ``at``: in UTC; `UNKNOWN` for lines before the first time in a log.
    """

    at: datetime
    process: str
    level: str
    fields: dict[str, Any]


def log_names(folder: Path) -> list[str]:
    """Return the names of the processes with a log in a folder."""
    return sorted(each.stem for each in folder.glob("*.log") if not each.name.startswith("."))


def read_logs(folder: Path, names: list[str]) -> Iterator[LogLine]:
    """Yield the lines of the processes' logs, oldest first."""
    logs = [_Log(folder, name, grows=False) for name in names]
    yield from heapq.merge(*(log.past() for log in logs), key=lambda line: line.at)


def follow_logs(folder: Path, names: list[str] | None) -> Iterator[LogLine]:
    """Yield existing lines, then new lines as they are written. ``names``: None for all."""
    logs = {name: _Log(folder, name) for name in names or log_names(folder)}
    yield from heapq.merge(*(log.past() for log in logs.values()), key=lambda line: line.at)
    while True:
        time.sleep(_PAUSE_SECONDS)
        for name in log_names(folder) if names is None else ():
            logs.setdefault(name, _Log(folder, name))
        added = [line for log in logs.values() for line in log.added()]
        yield from sorted(added, key=lambda line: line.at)


def chosen_lines(
    lines: Iterator[LogLine], batch: str | None, level: str, since: datetime | None
) -> Iterator[LogLine]:
    """Yield the lines that match the options."""
    enough = LEVELS[LEVELS.index(level) :]
    for line in lines:
        if (
            line.level in enough
            and (batch is None or line.fields.get("batch") == batch)
            and (since is None or line.at >= since)
        ):
            yield line


class _Log:
    """The log of one process: its rotated files and the current one."""

    def __init__(self, folder: Path, name: str, *, grows: bool = True) -> None:
        self._grows = grows
        self._path = folder / f"{name}.log"
        self._name = name
        self._at = UNKNOWN
        self._current: BinaryIO | None = None
        self._half = b""

    def past(self) -> Iterator[LogLine]:
        """Yield every existing line; the current file stays open."""
        with ExitStack() as stack:
            files: list[BinaryIO] = []
            # Newest first: a file renamed meanwhile is found twice, never missed.
            for path in (self._path, *(each for _, each in sorted(rotated_logs(self._path)))):
                try:
                    file: BinaryIO = path.open("rb")
                except OSError:
                    continue
                if any(os.path.sameopenfile(file.fileno(), each.fileno()) for each in files):
                    file.close()
                    continue
                files.append(file)
                if self._grows and path == self._path:
                    self._current = file
                else:
                    stack.enter_context(file)
            for file in reversed(files):
                for line in self._lines(file):
                    yield self._parsed(line)

    def added(self) -> Iterator[LogLine]:
        """Yield the lines added since, across rotations."""
        if self._current is not None:
            for line in self._lines(self._current):
                yield self._parsed(line)
        try:
            newest: BinaryIO = self._path.open("rb")
        except OSError:
            return
        if self._current is not None and os.path.sameopenfile(
            newest.fileno(), self._current.fileno()
        ):
            newest.close()
            return
        if self._current is not None:
            # More lines may have been written before it was renamed.
            for line in self._lines(self._current):
                yield self._parsed(line)
            self._current.close()
        self._current, self._half = newest, b""
        for line in self._lines(newest):
            yield self._parsed(line)

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield complete lines; a partial line is kept until it is completed."""
        while piece := file.readline(_LONGEST_LINE_BYTES):
            line = self._half + piece
            self._half = b""
            if not line.endswith(b"\n") and len(line) < _LONGEST_LINE_BYTES:
                self._half = line
                if file is self._current:
                    return
            elif line.strip():
                yield line
        if self._half and file is not self._current:
            line, self._half = self._half, b""
            yield line

    def _parsed(self, line: bytes) -> LogLine:
        text = line.decode(errors="backslashreplace").rstrip("\n")
        fields: Any = None
        if text.startswith("{"):
            try:
                fields = json.loads(text)
            except (ValueError, RecursionError):
                fields = None
        if isinstance(fields, dict) and "timestamp" in fields:
            level = str(fields.get("level", "info"))
            self._at = _time(str(fields["timestamp"])) or self._at
        else:
            level, at, text = _of_redis(text)
            self._at = at or self._at
            fields = {"event": text}
        return LogLine(self._at, self._name, level if level in LEVELS else "info", fields)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _of_redis(text: str) -> tuple[str, datetime | None, str]:
    """Return level, time and text of a Redis log line, `PID:M DAY MONTH YEAR TIME * TEXT`.

    Any other line, such as one of a traceback, is a warning without a time.
    """
    words = text.split(" ", _REDIS_WORDS - 1)
    if len(words) == _REDIS_WORDS and words[5] in _OF_REDIS:
        try:
            at = datetime.strptime(" ".join(words[1:5]), "%d %b %Y %H:%M:%S.%f")  # noqa: DTZ007
        except ValueError:
            return "warning", None, text
        return _OF_REDIS[words[5]], at.astimezone(UTC), words[6]  # the server writes local time
    return "warning", None, text
