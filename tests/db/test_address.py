"""A database URL opens the intended file, for any characters in its path, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.address import parse_url, sqlite_path, sqlite_url
from db.engine import engine_of
from db.errors import DatabaseUrlInvalid

NAMES = {
    "question": "a?b",
    "query": "a?timeout=5",
    "hash": "a#b",
    "percent": "a%b",
    "escape": "a%3Fb",
    "ampersand": "a&b=c;d",
    "newline": "new\nline",
    "space": " a ",
    "plus": "a+b",
    "umlaut": "ü",
    "quotes": "'\"`",
    "address": "user:secret@host",
    "dash": "-v",
    "backslash": "a\\n",
    "brackets": "[::1]",
    "uri": "file:x?mode=memory",
    "memory": ":memory:",
    "url": "sqlite:",
    "no-utf8": "\udcff?#%",
    "long": "x" * 150,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_path_of_any_characters_is_opened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / name
    path.parent.mkdir()
    url = sqlite_url(path)
    assert sqlite_path(url) == path
    for engine, statement in (
        (engine_of(url, make=True), "CREATE TABLE t (a)"),
        (engine_of(url), "INSERT INTO t VALUES (1)"),
    ):
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()
    assert path.stat().st_size > 0
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/a?b.db",
        "sqlite:////srv/a?b=c",
        "sqlite:///x.db?mode=ro",
        "sqlite://host/x",
        "sqlite:///x.db?timeout=long",
        f"sqlite:////srv/{'x/' * 240}thoraq.db",
        "postgresql://host:port/x",
        "mysql://host/x",
        "/srv/thoraq.db",
        "",
    ],
    ids=lambda each: each[:30] or "empty",
)
def test_a_url_for_which_sqlite_opens_another_file_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlInvalid):
        engine_of(url)


def test_the_error_says_how_to_write_a_question_mark() -> None:
    with pytest.raises(DatabaseUrlInvalid, match="%3F"):
        parse_url("sqlite:////srv/a?b.db")
    assert sqlite_path("sqlite:////srv/a%3Fb.db") == Path("/srv/a?b.db")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///file:/srv/a%253Fb.db?uri=true&mode=ro", "/srv/a?b.db"),
        ("sqlite:///file:///srv/x.db?uri=true", "/srv/x.db"),
        ("sqlite:///file::memory:?uri=true", None),
        ("sqlite:///file:x.db", "file:x.db"),
        ("sqlite://", None),
    ],
)
def test_the_file_of_a_sqlite_uri_is_known(url: str, path: str | None) -> None:
    assert sqlite_path(url) == (None if path is None else Path(path))
