"""Words of commands that the operator is told to run, as a shell reads them back."""

from __future__ import annotations

import os
import shlex

import click


def in_state(command: str) -> str:
    """Return a command of thoraq's for the state folder that the command at work was given."""
    context = click.get_current_context(silent=True)
    given = None if context is None else context.params.get("state")
    return command if given is None else f"{command} --state {quoted(given)}"


def quoted(word: str | os.PathLike[str]) -> str:
    r"""Return a word on one line, quoted where a shell would read something else.

    What no terminal may be sent is written as bash reads it: ``$'new\x0aline'``.
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
