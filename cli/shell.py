"""Words of commands that the operator is told to run, as a shell reads them back."""

from __future__ import annotations

import os
import shlex


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
