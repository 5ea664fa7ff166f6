"""Checks of what is kept: the state folder, and the database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from db import schema
from db.access import read_only_reason
from db.address import sqlite_path
from db.errors import DatabaseError, DatabaseReadOnly
from scheduler.checkup.check import Check
from scheduler.checkup.owners import nearest, other_owner, own_name
from scheduler.checkup.remedy import UPGRADE, in_state, quoted, run_as
from scheduler.checkup.repairs import database_repair
from scheduler.settings import Settings

#: A state folder needs at least this much room for database, queue, logs and reports.
LEAST_FREE_BYTES = 1 << 30


def check_state(settings: Settings) -> Check:
    """Check whether the state folder can be written, and how much room it has."""
    folder = Path(os.path.realpath(settings.state))
    seen = nearest(folder)
    owner = other_owner(seen)
    fault = _access_fault(folder, seen, owner)
    if fault is not None:
        return fault
    free = shutil.disk_usage(seen).free
    found = f"{settings.state.absolute()}, {free / 2**30:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Check("state", ok=False, found=found, repair="export THORAQ_STATE=/larger/disk")
    if seen != folder:
        found += ", not made yet"
    elif owner is not None and not os.access(folder, os.W_OK):
        found += f", read only for you; `sudo -u {quoted(owner)} thoraq ...` writes"
    return Check("state", ok=True, found=found)


def _access_fault(folder: Path, seen: Path, owner: str | None) -> Check | None:
    """Return the check of a state folder that this user can neither use nor make.

    ``seen``: the nearest folder that is there; ``owner``: its user, unless it is this one. What
    belongs to another user is never given away: a service that uses it would lose it.
    """
    read = os.access(seen, os.R_OK | os.X_OK if seen == folder else os.X_OK)
    write = os.access(seen, os.W_OK)
    if not os.path.isdir(seen):  # noqa: PTH112 - pathlib raises where it may not look
        found, repair = f"{seen} is not a folder", "export THORAQ_STATE=/another/folder"
    elif owner is not None and not read:
        found = f"{seen} belongs to {owner} and is closed to you: run commands as that user"
        repair = run_as(owner, folder, "doctor")
    elif read and not write and os.statvfs(seen).f_flag & os.ST_RDONLY:
        found = f"{folder} cannot be written: its disk is mounted read only"
        repair = f"findmnt --target {quoted(seen)}"
    elif owner is None and not (read and write):
        found = f"{seen} is yours, and its mode denies you what thoraq needs"
        repair = f"chmod u+rwx {quoted(seen)}"
    elif not write and seen != folder:
        found = f"{folder} does not exist and cannot be made by you"
        repair = f"sudo install -d -m 0700 -o {quoted(own_name())} {quoted(folder)}"
    else:
        return None
    return Check("state", ok=False, found=found, repair=repair)


def check_database(settings: Settings) -> Check:
    """Check that the database answers, takes writes, and has this program's schema."""
    kinds = ("sqlite", "postgresql")
    kind = next((k for k in kinds if settings.database.startswith(k)), "THORAQ_DATABASE_URL")
    owner = None
    try:
        owner = _database_owner(settings.database)
        reason = read_only_reason(settings.database)
        if reason is not None and owner is None:
            found = f"{kind}: {reason} ({DatabaseReadOnly.code})"
            repair = database_repair(settings, DatabaseReadOnly())
            return Check("database", ok=False, found=found, repair=repair)
        state = schema.check(settings.database)
    except DatabaseError as exc:
        found = f"{kind}: {exc} ({exc.code})"
        repair = database_repair(settings, exc)
        if owner is not None:
            repair = run_as(owner, settings.state.absolute(), "doctor")
        return Check("database", ok=False, found=found, repair=repair)
    mine = "" if reason is None else "; read only for you"
    if state.current is None:
        found = f"{kind}, not made yet; `process` and `up` make it{mine}"
        return Check("database", ok=True, found=found)
    if state.pending:
        found = f"{kind}, schema {state.current}, this program's is {state.head}"
        repair = in_state(UPGRADE, settings)
        if owner is not None:
            repair = run_as(owner, settings.state.absolute(), "db upgrade")
        return Check("database", ok=False, found=found, repair=repair)
    return Check("database", ok=True, found=f"{kind}, schema {state.current} is up to date{mine}")


def _database_owner(url: str) -> str | None:
    """Return the user of a SQLite file where this one cannot write and it belongs to another.

    Raises DatabaseUrlInvalid.
    """
    path = sqlite_path(url)
    if path is None:
        return None
    seen = nearest(path)
    return None if os.access(seen, os.W_OK) else other_owner(seen)
