"""Remedies: commands that the operator is told to run, as a shell reads them back."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.errors import SchemaOutdated
from scheduler.settings import Settings

#: Brings the database to the schema of this program.
UPGRADE = "thoraq db upgrade"


def in_state(command: str, settings: Settings) -> str:
    """Return one of thoraq's commands for the state folder that this process was given.

    One that the environment names is known to the operator's shell as well.
    """
    given = settings.state_option
    return command if given is None else f"{command} --state {quoted(given)}"


@contextmanager
def upgrade_in_state(settings: Settings) -> Iterator[None]:
    """Have the error of an outdated schema name the state folder that this process was given.

    The database does not know it, and the command without it would upgrade another database.
    Raises SchemaOutdated.
    """
    try:
        yield
    except SchemaOutdated as exc:
        upgrade = in_state(UPGRADE, settings)
        raise SchemaOutdated(str(exc).replace(f"`{UPGRADE}`", f"`{upgrade}`")) from exc


def run_as(owner: str, state: Path, words: str) -> str:
    """Return one of thoraq's commands as run by the owner of a state folder."""
    return f"sudo -u {quoted(owner)} thoraq {words} --state {quoted(state)}"


def quoted(word: str | os.PathLike[str]) -> str:
    r"""Return a word on one line, quoted where a shell would read something else.

    What must not be sent to a terminal is written as bash reads it: ``$'new\x0aline'``.
    """
    text = os.fspath(word)
    if text.isprintable():
        return shlex.quote(text)
    escaped = (
        char
        if char.isprintable() and char not in "'\\"
        else "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))
        for char in text
    )
    return f"$'{''.join(escaped)}'"
