"""Rotation: dated copies in one folder, of which only the newest are kept.

The name of a copy identifies its database, so that installations may share a folder: only copies
of the same database that were made this way are removed.
"""

from __future__ import annotations

import hashlib
import re
import socket
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url, text

from db.backup import sqlite_copies
from db.backup.copies import back_up, check_copy
from db.backup.records import CopyCount
from db.engine import engine_of
from db.errors import CopyFailed
from db.translation import translated


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new copy, its contents, and the older copies that were removed."""

    copy: Path
    count: CopyCount
    removed: tuple[Path, ...]


def rotate(url: str, folder: Path, keep: int, now: datetime | None = None) -> Rotated:
    """Write a dated copy into ``folder``, read it through, then remove all but the ``keep`` newest.

    Nothing is removed unless the new copy is intact. Raises as `back_up` and `check_copy` do.
    """
    family = f"thoraq-{_digest_of(url)}-"
    copy = folder / f"{family}{now or datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.copy"
    count = back_up(url, copy)
    check_copy(copy, sqlite=sqlite_copies.is_sqlite_url(url))
    # Earlier versions dated copies to the second.
    named = re.compile(rf"{family}\d{{8}}T\d{{6}}(?:\.\d{{6}})?Z\.copy")
    # The new copy is kept even if others have later dates, after a clock was set back.
    older = sorted(
        each
        for each in folder.iterdir()
        if named.fullmatch(each.name) and each != copy and stat.S_ISREG(each.lstat().st_mode)
    )
    removed = tuple(older[: max(0, len(older) - (keep - 1))])
    for each in removed:
        try:
            each.unlink(missing_ok=True)
        except OSError as exc:
            raise CopyFailed(f"{each}: {exc.strerror}. The new copy is {copy.name}.") from exc
    return Rotated(copy, count, removed)


def _digest_of(url: str) -> str:
    """Return a short id of a database, independent of user, password and host in its URL."""
    parsed = make_url(url)
    if sqlite_copies.is_sqlite_url(url):
        identity = f"{socket.gethostname()} {Path(str(parsed.database)).absolute()}"
    else:
        engine = engine_of(url)
        try:
            with translated(), engine.connect() as connection:
                asked = "SELECT system_identifier || ' ' || current_database()"
                identity = str(
                    connection.execute(text(f"{asked} FROM pg_control_system()")).scalar_one()
                )
        finally:
            engine.dispose()
    return hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:12]
