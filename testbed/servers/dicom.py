"""DICOM peers: dcmtk's senders and a real Orthanc, and our own listener as a process."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed.commands import Commands
from testbed.patience import eventually
from testbed.processes import ending_with_us

#: Where Debian keeps them; pynetdicom installs programs of the same names beside Python.
_SYSTEM = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
_PATIENCE_SECONDS = 120
_START_SECONDS = 60.0


Ran = subprocess.CompletedProcess[str]


class NoPeer(Exception):
    """A DICOM peer is missing; Debian has it as dcmtk or orthanc."""


def peer(name: str) -> str:
    """Return the path of a peer's program. Raises NoPeer."""
    found = shutil.which(name, path=_SYSTEM)
    if found is None:
        raise NoPeer(f"{name} is missing: apt-get install dcmtk orthanc")
    return found


def free_port() -> int:
    """Return a port of this machine that nothing has."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Return whether something listens at a port of this machine."""
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends files to a port of this machine by dcmtk's programs."""

    port: int
    called: str = "THORAQ"
    calling: str = "CR1"

    def storescu(
        self, *files: Path, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Send files as the syntaxes in ``options`` allow; each folder is searched."""
        return self._run("storescu", "+sd", "+r", *options, files=files)

    def dcmsend(
        self, *files: Path, options: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Send files, each in the syntax that it has."""
        return self._run("dcmsend", "+f", "+sd", "+r", *options, files=files)

    def echo(self, *options: str) -> Ran:
        """Ask whether an association is accepted."""
        return self._run("echoscu", *options, files=())

    def _run(
        self, program: str, *options: str, files: Sequence[Path]
    ) -> subprocess.CompletedProcess[str]:
        titles = ("-aet", self.calling, "-aec", self.called)
        return subprocess.run(
            [peer(program), "-v", *titles, *options, "127.0.0.1", str(self.port), *map(str, files)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )


class ListenerProcess:
    """``thoraq listen`` on a state folder, with a file of connections."""

    def __init__(
        self,
        state: Path,
        sections: str = "[listen.called.THORAQ]\n",
        *,
        environment: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        """Prepare; ``sections``: what the file has besides address and port."""
        self.port = free_port() if port is None else port
        self.connections = state.parent / "connections.toml"
        head = f'[listen]\naddress = "127.0.0.1"\nport = {self.port}\n'
        self.connections.write_text(head + sections, encoding="utf-8")
        self.connections.chmod(0o600)
        extra = {"THORAQ_CONNECTIONS": str(self.connections), **(environment or {})}
        self.commands = Commands(state, extra)
        self.received = Path(extra.get("THORAQ_RECEIVED", state / "received"))
        self._process: subprocess.Popen[str] | None = None
        self.log = ""

    @property
    def sender(self) -> Sender:
        """Who sends to it."""
        return Sender(self.port)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self._process = self.commands.start("listen")
        process = self._process
        assert eventually(lambda: listens(self.port) or process.poll() is not None, _START_SECONDS)
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])

    def stop(self) -> float:
        """End it by SIGTERM; return the seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        self.log += self._process.communicate(timeout=_PATIENCE_SECONDS)[1]
        seconds = time.monotonic() - began
        assert self._process.returncode == 0, self.log
        self._process = None
        return seconds

    def kill(self) -> None:
        """End it without warning."""
        assert self._process is not None
        self._process.kill()
        self.log += self._process.communicate()[1]
        self._process = None

    def kept(self) -> list[Path]:
        """Return the objects in the received folder."""
        return sorted(self.received.glob("[0-9]*/*/*.dcm"))

    def spooled(self) -> list[Path]:
        """Return what is in its spool."""
        return sorted((self.received / ".spool").glob("*"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop()


class Orthanc:
    """A real Orthanc, which knows our listener by the name ``thoraq`` and answers nobody else.

    It listens on every address of the machine, whatever its settings say; they let no other
    machine in.
    """

    def __init__(self, folder: Path, listener_port: int, title: str = "ORTHANC") -> None:
        self.title = title
        self.dicom_port, self._http_port = free_port(), free_port()
        self._folder = folder
        folder.mkdir()
        self._configuration = folder / "orthanc.json"
        self._configuration.write_text(
            json.dumps(
                {
                    "StorageDirectory": str(folder / "storage"),
                    "IndexDirectory": str(folder / "storage"),
                    "Plugins": [],
                    "HttpPort": self._http_port,
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": True,
                    "RegisteredUsers": {"test": "test"},
                    "DicomPort": self.dicom_port,
                    "DicomAet": title,
                    "DicomCheckCalledAet": True,
                    "DicomCheckModalityHost": True,
                    "DicomAlwaysAllowEcho": False,
                    "DicomAlwaysAllowStore": False,
                    "DicomModalities": {"thoraq": ["THORAQ", "127.0.0.1", listener_port]},
                }
            ),
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, method: str, path: str, body: bytes | object = None) -> Any:
        """Ask its REST interface; bytes are sent as they are, else as JSON."""
        data = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self._http_port}{path}", data=data, method=method
        )
        asked.add_header("Authorization", "Basic " + base64.b64encode(b"test:test").decode())
        with urllib.request.urlopen(asked, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def __enter__(self) -> Self:
        log = (self._folder / "orthanc.log").open("wb")
        self._process = subprocess.Popen(
            [peer("Orthanc"), str(self._configuration)],
            stdout=log,
            stderr=log,
            preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - prctl alone
        )
        log.close()
        assert eventually(lambda: listens(self._http_port), _START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
