"""Whose files are in the way, and how a command is run as that user."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from cli.output.shell import quoted


def nearest(path: Path) -> Path:
    """Return ``path``, or the nearest folder above it that this user can see."""
    found = Path(os.path.realpath(path))
    while not os.path.lexists(found) and found != found.parent:
        found = found.parent
    return found


def other_owner(path: Path) -> str | None:
    """Return the name of the user to whom ``path`` belongs; None: to this one, or it is missing."""
    try:
        found = path.stat().st_uid
    except OSError:
        return None
    return None if found == os.geteuid() else user_name(found)


def user_name(number: int) -> str:
    """Return the name of a user as sudo takes it, also of one that was removed."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def run_as(owner: str, state: Path, words: str) -> str:
    """Return the command line that runs one of thoraq's commands as the owner of a state folder."""
    return f"sudo -u {quoted(owner)} thoraq {words} --state {quoted(state)}"
