"""Reading rows out of the script that pg_restore makes of an archive, without executing it.

The author of an archive controls every line of it, and a script may run programs on the server. So
one form of line starts rows, a few others are skipped, and any other is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from db.backup.known_schema import VERSION_TABLE, shown
from db.errors import CopyDamaged, CopyUntrusted

_START = re.compile(rb'COPY (?:"?\w+"?\.)?"?(\w+)"? \(([\w", ]+)\) FROM stdin;')
_ENCODING = re.compile(rb"SET client_encoding = '(\w+)';")
_PASSED_OVER = re.compile(
    rb"\s*|--.*|SET \w+ = [\w']+;|\\(?:un)?restrict \w+"
    rb"|SELECT pg_catalog\.(?:set_config|setval)\([^;()]*\);"
)
_END = b"\\.\n"
#: Size of the pieces in which rows are passed on, bytes.
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table in the format of COPY; read ``pieces`` before the next table."""

    table: str
    columns: Sequence[str]
    encoding: str
    pieces: Iterator[bytes]


def tables_in(script: IO[bytes], columns: Mapping[str, Sequence[str]]) -> Iterator[Rows]:
    """Yield the rows of each table in a script. ``columns``: by table, of the known tables.

    Raises CopyUntrusted, CopyDamaged.
    """
    encoding = "UTF8"
    seen: set[str] = set()
    for line in script:
        if setting := _ENCODING.fullmatch(line.rstrip(b"\n")):
            encoding = setting[1].decode("ascii")
        elif start := _START.fullmatch(line.rstrip(b"\n")):
            table = start[1].decode("ascii", "replace")
            names = [name.strip('"') for name in start[2].decode("ascii", "replace").split(", ")]
            known = {VERSION_TABLE: ("version_num",), **columns}.get(table)
            if known is None or table in seen or sorted(names) != sorted(known):
                raise CopyUntrusted.because(f"rows of {shown(table)}")
            seen.add(table)
            yield Rows(table, names, encoding, _pieces(script))
        elif _PASSED_OVER.fullmatch(line.rstrip(b"\n")) is None:
            raise CopyUntrusted.because("a statement beside its rows")


def _pieces(script: IO[bytes]) -> Iterator[bytes]:
    piece: list[bytes] = []
    size = 0
    for line in script:
        if line == _END:
            yield b"".join(piece)
            return
        piece.append(line)
        size += len(line)
        if size > _PIECE:
            yield b"".join(piece)
            piece, size = [], 0
    raise CopyDamaged
