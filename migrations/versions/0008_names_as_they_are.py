"""Escape code points in names that are also used to store undecodable bytes."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


_MARK = "\U0010ff00"
_SPECIAL = "\U0010ff80-\U0010ffff"
#: With more such code points in a name, either all are literal or all represent bytes.
_MOST_AMBIGUOUS = 10
_ROUND = 1000

_Row = sa.Row[tuple[int, str, str | None]]


def upgrade() -> None:
    """Precede each literal code point of this kind, and each literal mark, by a mark.

    The digest of a name shows which of its code points are literal.
    """
    of_file = sa.text(
        "SELECT path_digest FROM file WHERE radiograph_id = :id AND path = :path"
        " ORDER BY id LIMIT 1"
    )

    def marked_as_file(row: _Row) -> str:
        found = op.get_bind().execute(of_file, {"id": row[0], "path": row[1]})
        return _marked(row[1], found.scalar())

    _rewrite("radiograph", "path", marked_as_file)  # before the files' own paths change
    _rewrite("file", "path", lambda row: _marked(row[1], row[2]), digest="path_digest")
    for column in ("data", "start"):
        _rewrite("training_run", column, lambda row: _marked(row[1], None))


def downgrade() -> None:
    """Remove the marks; the digests of files still show which code points are literal."""
    for table, column in (
        ("radiograph", "path"),
        ("file", "path"),
        ("training_run", "data"),
        ("training_run", "start"),
    ):
        _rewrite(table, column, lambda row: re.sub(f"{_MARK}(.)", r"\1", row[1], flags=re.DOTALL))


def _rewrite(table: str, column: str, anew: Callable[[_Row], str], *, digest: str = "NULL") -> None:
    bind = op.get_bind()
    rows = _rows(bind, table, column, digest)
    change = sa.text(f"UPDATE {table} SET {column} = :text WHERE id = :id")  # noqa: S608
    while some := list(itertools.islice(rows, _ROUND)):
        changed = [(row[0], text) for row in some if (text := anew(row)) != row[1]]
        if changed:
            bind.execute(change, [{"id": number, "text": text} for number, text in changed])


def _rows(bind: sa.Connection, table: str, column: str, digest: str) -> Iterator[_Row]:
    """Yield id, text and digest of rows with one of the code points."""
    if bind.dialect.name == "sqlite":
        holds, pattern = f"{column} GLOB :pattern", f"*[{_MARK}{_SPECIAL}]*"
    else:
        holds, pattern = f"{column} ~ :pattern", f"[{_MARK}{_SPECIAL}]"
    asked = sa.text(
        f"SELECT id, {column}, {digest} FROM {table}"  # noqa: S608
        f" WHERE id > :after AND {holds} ORDER BY id LIMIT :most"
    )
    after = 0
    while rows := bind.execute(asked, {"after": after, "pattern": pattern, "most": _ROUND}).all():
        yield from rows
        after = rows[-1][0]


def _marked(stored: str, digest: str | None) -> str:
    """Return a text of the old form in the new one."""
    pieces = re.split(f"([{_SPECIAL}])", stored.replace(_MARK, 2 * _MARK))
    ambiguous = pieces[1::2]
    if digest is not None:
        for is_literal in _ways(len(ambiguous)):
            if _digest(stored, is_literal) == digest:
                pieces[1::2] = [
                    _MARK + one if real else one
                    for one, real in zip(ambiguous, is_literal, strict=True)
                ]
                break
    return "".join(pieces)


def _ways(count: int) -> Iterator[tuple[bool, ...]]:
    """Yield which of ``count`` code points may be literal, the most likely ways first."""
    yield (False,) * count
    yield (True,) * count
    if count <= _MOST_AMBIGUOUS:
        yield from itertools.product((False, True), repeat=count)


def _digest(stored: str, is_literal: tuple[bool, ...]) -> str:
    """Return the digest of the path if these of its code points are literal."""
    flags = iter(is_literal)

    def decoded(found: re.Match[str]) -> str:
        return found[0] if next(flags) else chr(ord(found[0]) - 0x10FF00 + 0xDC00)

    path = re.sub(f"[{_SPECIAL}]", decoded, stored)
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
