"""Database URLs: parsing them, and writing the path of a SQLite file as one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from sqlalchemy import URL, exc, make_url

from db.errors import DatabaseForbidden, DatabaseUrlInvalid

_FORMS = "give sqlite:///PATH or postgresql://HOST/NAME"
#: Longest path that SQLite opens, bytes (MAX_PATHNAME of its os_unix.c, 512), less the suffix of
#: the log and the folder of a restore.
_PATH_BYTES = 460
#: Options of Python's sqlite3 module; SQLite's own options apply with uri=true only.
_SQLITE_OPTIONS = frozenset(
    {"uri", "timeout", "isolation_level", "detect_types", "check_same_thread", "cached_statements"}
)


def parse_url(url: str) -> URL:
    """Return the parts of a database's URL.

    Raises DatabaseUrlInvalid, whose message repeats only the kind of database of the URL.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (exc.ArgumentError, exc.NoSuchModuleError, ValueError) as error:
        raise DatabaseUrlInvalid(f"not a database URL: {_FORMS}") from error
    if backend not in {"sqlite", "postgresql"}:
        raise DatabaseUrlInvalid(f"{backend} is not supported: {_FORMS}")
    if backend == "sqlite":
        _refuse_file(url, parsed)
    return parsed


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file; its path may contain any characters or bytes."""
    name = os.fspath(path)
    try:
        url = URL.create("sqlite", database=name)
        return url.render_as_string(hide_password=False)
    except UnicodeEncodeError:  # bytes that are not UTF-8: SQLAlchemy writes text only
        query = {"uri": "true"}
        url = URL.create("sqlite", database=f"file:{quote(os.fsencode(path))}", query=query)
        return url.render_as_string(hide_password=False)


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite database, None if it has none. Raises DatabaseUrlInvalid."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    return path_of(parsed)


def existing_only(parsed: URL) -> URL:
    """Return a URL with which SQLite opens the file if it exists, and never creates it."""
    path = path_of(parsed)
    if path is None:
        return parsed
    if not _is_uri(parsed):
        parsed = parsed.set(database=f"file://{quote(os.fsencode(path.absolute()))}")
        parsed = parsed.update_query_dict({"uri": "true"})
    elif "mode" in parsed.query:
        return parsed
    return parsed.update_query_dict({"mode": "rw"})


def is_made(path: Path) -> bool:
    """Return whether a SQLite file exists. Raises DatabaseForbidden."""
    try:
        return path.exists()
    except PermissionError as error:
        raise forbidden(path) from error


def forbidden(path: Path) -> DatabaseForbidden:
    """Return the error for a SQLite file that this user may not open or create."""
    return DatabaseForbidden.about(f"{os.fspath(path)!a}")


def path_of(parsed: URL) -> Path | None:
    """Return the file of SQLAlchemy's URL of SQLite, None if it names no file."""
    name = parsed.database or ""
    if _is_uri(parsed):
        name = name.removeprefix("file:").partition("?")[0].partition("#")[0]
        if name.startswith("//"):
            name = "/" + name[2:].partition("/")[2]
        name = os.fsdecode(unquote_to_bytes(name))
    return None if name in {"", ":memory:"} else Path(name)


def _refuse_file(url: str, parsed: URL) -> None:
    """Raise DatabaseUrlInvalid if SQLite would open a file other than the intended one, or none."""
    options = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    if not _is_uri(parsed) and not _SQLITE_OPTIONS.issuperset(options):
        raise DatabaseUrlInvalid(
            "what follows ? in the URL is not an option of SQLite: write ? in a path as %3F,"
            " and % as %25"
        )
    path = path_of(parsed)
    if path is not None and len(os.fsencode(path.absolute())) > _PATH_BYTES:
        raise DatabaseUrlInvalid(
            f"SQLite cannot open a path of more than {_PATH_BYTES} bytes: choose a shorter one by"
            " --state, THORAQ_STATE or THORAQ_DATABASE_URL"
        )


@dataclass(frozen=True, slots=True)
class Server:
    """Address of a PostgreSQL server, without the password; the first of several."""

    host: str | None
    port: str | None
    user: str | None
    database: str | None


def server_of(url: str) -> Server:
    """Return the server of a PostgreSQL URL. Raises DatabaseUrlInvalid."""
    parsed = parse_url(url)
    named = parsed.query.get("host", ())
    host = parsed.host or (named if isinstance(named, str) else next(iter(named), None))
    port = str(parsed.port) if parsed.port else None
    if host is not None and not host.startswith("/") and ":" in host and parsed.host is None:
        host, _, port = host.partition(":")
    return Server(host, port, parsed.username, parsed.database)


def _is_uri(url: URL) -> bool:
    """Return whether the URL uses a URI of SQLite's own, ``file:...``."""
    uri = str(url.query.get("uri", "")).lower()
    return uri in {"1", "true", "on", "yes", "y", "t"} and str(url.database).startswith("file:")
