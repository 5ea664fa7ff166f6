"""A real Orthanc in a network of its own, since it listens on every address of the machine."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from testbed.processes import ending_with_us

AE_TITLE, DICOM_PORT, HTTP_PORT = "ORTHANC", 4242, 8042
_START_SECONDS = 60.0
#: A network namespace in which the loopback device is up; as root of a user namespace nobody needs
#: to be root.
_OWN_NETWORK = ("unshare", "--user", "--map-root-user", "--net")
_NAMESPACES = ("nsenter", "--user", "--net", "--preserve-credentials")


class NoOrthanc(Exception):
    """Orthanc is not installed, or this machine allows no network namespaces."""


class OrthancServer:
    """One server that forgets everything when it ends. Clients run in its network by `run`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers. Raises NoOrthanc."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "orthanc.json"
        configuration.write_text(
            json.dumps(
                {
                    "StorageDirectory": str(self._folder / "storage"),
                    "IndexDirectory": str(self._folder / "index"),
                    "DicomAet": AE_TITLE,
                    "DicomPort": DICOM_PORT,
                    "HttpPort": HTTP_PORT,
                    "AuthenticationEnabled": False,
                    "HttpCompressionEnabled": False,
                    "DicomAlwaysAllowStore": True,
                    "OverwriteInstances": True,
                }
            )
        )
        script = f"ip link set lo up && exec Orthanc {configuration}"
        try:
            with (self._folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [*_OWN_NETWORK, "sh", "-c", script],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=ending_with_us(signal.SIGKILL),  # noqa: PLW1509 - prctl alone
                )
        except FileNotFoundError as exc:
            raise NoOrthanc(str(exc)) from exc
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.run("curl", "-s", "-f", self._url("/system")).returncode == 0:
                return
            time.sleep(0.1)
        self.stop()
        raise NoOrthanc((self._folder / "log").read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a client in the server's network, where it listens on 127.0.0.1."""
        assert self._process is not None
        return subprocess.run(
            [*_NAMESPACES, "--target", str(self._process.pid), *map(str, words)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )

    def get(self, path: str) -> Any:
        """Return what the REST interface answers."""
        ran = self.run("curl", "-s", "-f", self._url(path))
        assert ran.returncode == 0, f"{path}: {ran.stdout} {ran.stderr}"
        return json.loads(ran.stdout)

    def find(self, level: str, **query: str) -> list[dict[str, Any]]:
        """Return what matches a query, such as a StudyInstanceUID, with its tags."""
        asked = json.dumps({"Level": level, "Query": query, "Expand": True})
        ran = self.run("curl", "-s", "-f", "-d", asked, self._url("/tools/find"))
        assert ran.returncode == 0, f"{asked}: {ran.stdout} {ran.stderr}"
        found: list[dict[str, Any]] = json.loads(ran.stdout)
        return found

    @staticmethod
    def _url(path: str) -> str:
        return f"http://127.0.0.1:{HTTP_PORT}{path}"
