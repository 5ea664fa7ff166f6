"""The schema of a revision: what a copy may hold, by kind, name and definition.

Migrations make it in an empty database in memory, so that nothing of a copy is asked what it should
be. PostgreSQL's objects have the names of SQLite's, and some of their own.
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

#: A row of SQLite's catalogue: kind, name and statement, None of what SQLite makes by itself.
Entry = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Strange:
    """What no database of thoraq's has. ``known``: it has one of this name, of other definition."""

    kind: str
    name: str
    known: bool
    virtual: bool = False

    def __str__(self) -> str:
        """Name it."""
        kind = self.kind if self.kind in {"table", "index", "trigger", "view"} else "object"
        said = f"{kind} {shown(self.name)}"
        return f"{said} of another definition" if self.known else said


VERSION_TABLE = "alembic_version"
#: What SQLite keeps for itself; its index of a constraint comes and goes with the table.
_INTERNAL = {("table", "sqlite_sequence"), ("table", "sqlite_stat1"), ("table", "sqlite_stat4")}
_AUTOMATIC = "sqlite_autoindex_"
#: Space and comments; a literal; names in quotes; words; anything else.
_TOKEN = re.compile(
    r"""(?:\s|--[^\n]*|/\*.*?\*/)+|('(?:[^']|'')*')|"((?:[^"]|"")*)"|`([^`]*)`|\[([^]]*)]|(\w+)|(.)""",
    re.DOTALL,
)
_CONSTRAINT = re.compile(r"CONSTRAINT \"?(\w+)\"? (PRIMARY|UNIQUE|FOREIGN)")
#: How much of a name that others chose is repeated.
_MOST_OF_NAME = 60
_MOST_NAMED = 5


def refuse(source: Path, strange: Sequence[str]) -> None:
    """Refuse a copy that holds what none of ours does. Raises CopyUntrusted."""
    if strange:
        more = f" and {len(strange) - _MOST_NAMED} more" if len(strange) > _MOST_NAMED else ""
        said = ", ".join(strange[:_MOST_NAMED])
        raise CopyUntrusted.because(f"{source}: {said}{more}")


def is_known(revision: str) -> bool:
    """Whether this program knows a revision."""
    try:
        check_revision(revision)
    except SchemaNewer:
        return False
    return True


@cache
def columns_of(revision: str) -> dict[str, tuple[str, ...]]:
    """Return the columns of each table at ``revision``, the table of revisions left out."""
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
    """Whether a table of revisions is the one that every revision has."""
    kind, name, sql = entry
    return sql is not None and _definitions(revision).get((kind, name)) == definition(sql)


def strange_entries(found: Iterable[Entry], revision: str) -> Iterator[Strange]:
    """Yield what SQLite's catalogue holds beyond a revision's schema."""
    known = _definitions(revision)
    for entry in found:
        kind, name, sql = entry
        if (kind, name) in _INTERNAL or (sql is None and name.startswith(_AUTOMATIC)):
            continue
        virtual = (sql or "").upper().startswith("CREATE VIRTUAL")
        if (kind, name) not in known:
            yield Strange(kind, name, known=False, virtual=virtual)
        elif sql is None or definition(sql) != known[kind, name]:
            yield Strange(kind, name, known=True, virtual=virtual)


def missing_tables(tables: Iterable[str], revision: str) -> Iterator[str]:
    """Yield the tables of a revision that are not among ``tables``, in words."""
    for name in sorted(columns_of(revision).keys() - set(tables)):
        yield f"no table {shown(name)}"


@cache
def archive_entries(revision: str) -> re.Pattern[str]:
    """Return what matches a line of pg_restore's list, less its numbers, that may be in a copy.

    Such a line is the kind, the schema, the object and its owner.
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
    """Return what a statement defines, whatever its spaces, quotes and order of columns."""
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
    """Return a name that others chose, as it may be printed."""
    return ascii(name[:_MOST_OF_NAME])
