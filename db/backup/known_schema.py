"""The schema of a revision: what a copy may contain, by kind, name and definition.

Migrations create it in an empty database in memory, so that it never depends on the copy.
PostgreSQL has objects of the same names as SQLite, and some more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from db.errors import CopyUntrusted, SchemaNewer
from db.migration import check_revision, definitions_at
from db.tally import FUNCTIONS

#: A row of SQLite's catalogue: kind, name and statement; None for what SQLite creates by itself.
Entry = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class ForeignEntry:
    """An object that is not in thoraq's schema, or, if ``known``, not with this definition."""

    kind: str
    name: str
    known: bool
    virtual: bool = False

    def __str__(self) -> str:
        """Return its kind and name."""
        kind = self.kind if self.kind in {"table", "index", "trigger", "view"} else "object"
        entry = f"{kind} {shown(self.name)}"
        return f"{entry} with another definition" if self.known else entry


VERSION_TABLE = "alembic_version"
#: SQLite's internal tables; the index of a constraint belongs to its table.
_INTERNAL = {("table", "sqlite_sequence"), ("table", "sqlite_stat1"), ("table", "sqlite_stat4")}
_AUTOMATIC = "sqlite_autoindex_"
#: White space and comments; a literal; quoted names; words; anything else.
_TOKEN = re.compile(
    r"""(?:\s|--[^\n]*|/\*.*?\*/)+|('(?:[^']|'')*')|"((?:[^"]|"")*)"|`([^`]*)`|\[([^]]*)]|(\w+)|(.)""",
    re.DOTALL,
)
_CONSTRAINT = re.compile(r"CONSTRAINT \"?(\w+)\"? (PRIMARY|UNIQUE|FOREIGN)")
#: Longest part of an untrusted name that a message repeats, characters.
_MOST_OF_NAME = 60
_MOST_NAMED = 5


def refuse_differences(source: Path, differences: Sequence[str]) -> None:
    """Refuse a copy that contains unknown objects. Raises CopyUntrusted."""
    if differences:
        left = len(differences) - _MOST_NAMED
        more = f" and {left} more" if left > 0 else ""
        named = ", ".join(differences[:_MOST_NAMED])
        raise CopyUntrusted.because(f"{source}: {named}{more}")


def is_known(revision: str) -> bool:
    """Return whether this program knows a revision."""
    try:
        check_revision(revision)
    except SchemaNewer:
        return False
    return True


@cache
def columns_of(revision: str) -> dict[str, tuple[str, ...]]:
    """Return the columns of each table at ``revision``, without the table of revisions."""
    return {
        name: columns
        for name, columns in definitions_at(revision)[1].items()
        if name != VERSION_TABLE
    }


@cache
def _definitions(revision: str) -> dict[tuple[str, str], object]:
    return {
        (kind, name): definition(sql)
        for kind, name, sql in definitions_at(revision)[0]
        if sql is not None
    }


def is_version_table(entry: Entry, revision: str) -> bool:
    """Return whether an entry is the table of revisions, with its usual definition."""
    kind, name, sql = entry
    return sql is not None and _definitions(revision).get((kind, name)) == definition(sql)


def foreign_entries(found: Iterable[Entry], revision: str) -> Iterator[ForeignEntry]:
    """Yield the entries of SQLite's catalogue that are not in a revision's schema."""
    known = _definitions(revision)
    for entry in found:
        kind, name, sql = entry
        if (kind, name) in _INTERNAL or (sql is None and name.startswith(_AUTOMATIC)):
            continue
        virtual = (sql or "").upper().startswith("CREATE VIRTUAL")
        if (kind, name) not in known:
            yield ForeignEntry(kind, name, known=False, virtual=virtual)
        elif sql is None or definition(sql) != known[kind, name]:
            yield ForeignEntry(kind, name, known=True, virtual=virtual)


def missing_tables(tables: Iterable[str], revision: str) -> Iterator[str]:
    """Yield a message for each table of a revision that is not among ``tables``."""
    for name in sorted(columns_of(revision).keys() - set(tables)):
        yield f"no table {shown(name)}"


@cache
def archive_entries(revision: str) -> re.Pattern[str]:
    """Return a pattern of the lines of pg_restore's list, without numbers, that a copy may have.

    Such a line consists of the kind, the schema, the object and its owner.
    """
    entries = {("SCHEMA", "public"), ("COMMENT", "SCHEMA public"), ("ACL", "SCHEMA public")}
    for name in FUNCTIONS:
        entries |= {("FUNCTION", f"{name}()"), ("ACL", f"FUNCTION {name}()")}
        entries |= {("TRIGGER", f"{table} {name}") for table in ("file", "job", "radiograph")}
    for kind, name, sql in definitions_at(revision)[0]:
        if kind == "index":
            entries.add(("INDEX", name))
        elif kind == "view":
            entries |= {("VIEW", name), ("ACL", name), ("ACL", f"TABLE {name}")}
            entries.add(("COMMENT", f"VIEW {name}"))
        elif kind == "table" and sql is not None:
            entries |= {("TABLE", name), ("TABLE DATA", name), ("DEFAULT", f"{name} id")}
            entries |= {("ACL", name), ("ACL", f"TABLE {name}"), ("COMMENT", f"TABLE {name}")}
            for what in ("SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET"):
                entries.add((what, f"{name}_id_seq"))
            entries |= {("ACL", f"{name}_id_seq"), ("ACL", f"SEQUENCE {name}_id_seq")}
            for constraint, of in _CONSTRAINT.findall(sql):
                what = "FK CONSTRAINT" if of == "FOREIGN" else "CONSTRAINT"
                entries.add((what, f"{name} {constraint}"))
    each = "|".join(f"{kind} \\S+ {re.escape(name)}" for kind, name in sorted(entries))
    return re.compile(f"(?:{each}) .*")


def definition(sql: str) -> object:
    """Return what a statement defines, regardless of spaces, quotes and the order of columns."""
    tokens = [
        literal or (quoted or tick or bracket or word or other).casefold()
        for literal, quoted, tick, bracket, word, other in _TOKEN.findall(sql)
        if literal or quoted or tick or bracket or word or other
    ]
    if tokens[:2] != ["create", "table"] or "(" not in tokens:
        return tuple(tokens)
    start = tokens.index("(")
    parts: list[tuple[str, ...]] = []
    part: list[str] = []
    depth = 0
    for position, token in enumerate(tokens[start:], start):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0 or (depth == 1 and token in {"(", ","}):
            parts.append(tuple(part))
            part = []
        else:
            part.append(token)
        if depth == 0:
            return tuple(tokens[:start]), tuple(sorted(parts)), tuple(tokens[position + 1 :])
    return tuple(tokens)


def shown(name: str) -> str:
    """Return an untrusted name in a form that is safe to print."""
    return ascii(name[:_MOST_OF_NAME])
