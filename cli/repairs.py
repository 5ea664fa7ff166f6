"""Commands that repair what `thoraq doctor` found; none of them holds a password."""

from __future__ import annotations

from urllib.parse import urlsplit

from cli.shell import quoted
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

#: For a PostgreSQL that takes no writes.
NAME_SERVERS = (
    "export THORAQ_DATABASE_URL='postgresql://USER@/NAME?host=A:5432&host=B:5432"
    "&target_session_attrs=read-write'"
)
GIVE_URL = "export THORAQ_DATABASE_URL='postgresql://USER@HOST/NAME'"
#: redis-cli takes the password from this variable, so that no list of processes shows it.
ASK_PASSWORD = "read -rs REDISCLI_AUTH; export REDISCLI_AUTH; "  # noqa: S105 - reads one


def broker_repair(url: str, words: str = "ping") -> str:
    """Return the command that asks a broker, without the password of its URL."""
    if url.startswith("redis+socket://"):
        path = url.removeprefix("redis+socket://").partition("?")[0]
        return f"redis-cli -s {quoted(path)} {words}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 6379
    except ValueError:
        return "export THORAQ_BROKER_URL=redis://HOST:6379/0"
    where = f"-h {quoted(host)} -p {port}"
    if parts.scheme == "unix":
        where = f"-s {quoted(parts.path)}"
    elif parts.scheme == "rediss":
        where += " --tls"
    if parts.username:
        where += f" --user {quoted(parts.username)}"
    return f"{ASK_PASSWORD if parts.password else ''}redis-cli {where} {words}"


def database_repair(url: str, error: DatabaseError) -> str:
    """Return the command that repairs, or that tells more, by the kind of error."""
    if isinstance(error, SchemaOutdated | SchemaNewer):
        newer = isinstance(error, SchemaNewer)
        return "git pull && make setup" if newer else "thoraq db upgrade"
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
    """Return what makes what is missing; ``ask`` has the server say what it refuses."""
    if "does not exist" not in said:
        return ask
    if "role " in said:
        return f"sudo -u postgres createuser --pwprompt {quoted(server.user or 'thoraq')}"
    owner = f" --owner {quoted(server.user)}" if server.user else ""
    return f"sudo -u postgres createdb{owner} {quoted(server.database or 'thoraq')}"
