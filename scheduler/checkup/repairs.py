"""Commands that repair a broker or a database, or tell more of it; none holds a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.connection import parse_url

from db.address import Server, server_of, sqlite_path
from db.errors import (
    DatabaseAway,
    DatabaseBroken,
    DatabaseBusy,
    DatabaseDiskFails,
    DatabaseError,
    DatabaseFull,
    DatabaseLoginFails,
    DatabaseReadOnly,
    DatabaseUrlInvalid,
    SchemaNewer,
    SchemaOutdated,
)
from scheduler.broker import socket_of
from scheduler.checkup.remedy import UPGRADE, in_state, quoted
from scheduler.settings import Settings

#: For a PostgreSQL that takes no writes.
NAME_SERVERS = (
    "export THORAQ_DATABASE_URL='postgresql://USER@/NAME?host=A:5432&host=B:5432"
    "&target_session_attrs=read-write'"
)
GIVE_URL = "export THORAQ_DATABASE_URL='postgresql://USER@HOST/NAME'"
#: redis-cli takes the password from this variable, so that no list of processes shows it.
ASK_PASSWORD = "read -rs REDISCLI_AUTH; export REDISCLI_AUTH; "  # noqa: S105 - reads one
#: What redis-cli calls the files of a URL's query.
_TLS_FILES = {
    "ssl_ca_certs": "--cacert",
    "ssl_ca_path": "--cacertdir",
    "ssl_certfile": "--cert",
    "ssl_keyfile": "--key",
}


def broker_repair(url: str, words: str = "ping") -> str:
    """Return the command that asks a broker as thoraq does, without the password of its URL."""
    try:
        if url.startswith("redis+socket://"):
            path, number = socket_of(url)
            return f"redis-cli -s {quoted(path)}{f' -n {number}' if number else ''} {words}"
        parts: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return "export THORAQ_BROKER_URL=redis://HOST:6379/0"
    if "path" in parts:
        where = f"-s {quoted(parts['path'])}"
    else:
        where = f"-h {quoted(parts.get('host', '127.0.0.1'))} -p {parts.get('port', 6379)}"
    if parts.get("db"):
        where += f" -n {parts['db']}"
    if url.startswith("rediss://"):
        where += f" --tls{_tls_options(parts)}"
    if parts.get("username"):
        where += f" --user {quoted(parts['username'])}"
    return f"{ASK_PASSWORD if parts.get('password') else ''}redis-cli {where} {words}"


def _tls_options(parts: Mapping[str, Any]) -> str:
    files = [
        f" {option} {quoted(parts[name])}" for name, option in _TLS_FILES.items() if name in parts
    ]
    unchecked = str(parts.get("ssl_cert_reqs", "")).lower().endswith("none")
    return "".join(files) + (" --insecure" if unchecked else "")


def database_repair(settings: Settings, error: DatabaseError) -> str:
    """Return the command that repairs the database, or tells more of it, by the kind of error."""
    if isinstance(error, SchemaOutdated):
        return in_state(UPGRADE, settings)
    if isinstance(error, SchemaNewer):
        return "git pull && make setup"
    url = settings.database
    try:
        path = sqlite_path(url)
    except DatabaseUrlInvalid:
        return GIVE_URL
    if isinstance(error, DatabaseUrlInvalid):
        return GIVE_URL
    if path is None:
        return _server_repair(server_of(url), error)
    by_kind = {
        DatabaseBroken: "thoraq db restore COPY --replace",
        DatabaseBusy: f"fuser -v {quoted(path)}",
        DatabaseFull: f"df -h {quoted(path)}",
        DatabaseDiskFails: "sudo dmesg | tail",
    }
    return by_kind.get(type(error), f"touch {quoted(path)}")  # which tells why it cannot


def _server_repair(server: Server, error: DatabaseError) -> str:
    where = "".join(
        f" {option} {quoted(value)}"
        for option, value in (("-h", server.host), ("-p", server.port), ("-U", server.user))
        if value
    )
    name = quoted(server.database or "thoraq")
    if isinstance(error, DatabaseLoginFails):
        return _login_repair(server, str(error), f"psql{where} -W {name}")
    by_kind = {
        DatabaseReadOnly: NAME_SERVERS,
        DatabaseAway: f"pg_isready{where}",
        DatabaseBusy: f"psql{where} {name} -c 'TABLE pg_stat_activity'",
    }
    return by_kind.get(type(error), f"psql{where} {name} -c 'SELECT 1'")


def _login_repair(server: Server, said: str, ask: str) -> str:
    """Return the command that creates a missing role or database; else ``ask``.

    ``said``: the server's refusal; ``ask``: the command that has the server refuse again.
    """
    if "does not exist" not in said:
        return ask
    if "role " in said:
        return f"sudo -u postgres createuser --pwprompt {quoted(server.user or 'thoraq')}"
    owner = f" --owner {quoted(server.user)}" if server.user else ""
    return f"sudo -u postgres createdb{owner} {quoted(server.database or 'thoraq')}"
