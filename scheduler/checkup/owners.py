"""Owners: the users to whom files in the way belong."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def nearest(path: Path) -> Path:
    """Return ``path``, or the nearest folder above it that this user can see."""
    found = Path(os.path.realpath(path))
    while not os.path.lexists(found) and found != found.parent:
        found = found.parent
    return found


def other_owner(path: Path) -> str | None:
    """Return the user to whom ``path`` belongs; None: it is this one, or the path is missing."""
    try:
        found = path.stat().st_uid
    except OSError:
        return None
    return None if found == os.geteuid() else user_name(found)


def user_name(number: int) -> str:
    """Return the name of a user as sudo takes it: ``#`` and the number of one that was removed."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def own_name() -> str:
    """Return the user of this process as install takes it: its name, else its number."""
    return user_name(os.geteuid()).removeprefix("#")
