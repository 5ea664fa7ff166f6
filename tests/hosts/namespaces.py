"""Simulated machines on a separate network: network namespaces around a switch.

Each machine has a name, an address and one link, which can be cut, restored and limited. Names of
namespaces begin with the id of this process, so that two test runs do not conflict; those of a
killed run are removed by the next one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from testbed.processes import ending_with_us

#: Debian's folders of ip and tc, which are often missing in users' search paths.
_SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
_PREFIX = "thoraq"
_OWN = re.compile(rf"{_PREFIX}-(\d+)-\w+")
_SWITCH = "switch"
_BRIDGE = "bridge"
_END_SECONDS = 20.0


class NoNamespaces(Exception):
    """Network namespaces need Linux, root, and `ip` and `tc` of iproute2."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine, and the ``processes`` started there from here."""

    name: str
    address: str
    namespace: str
    switch: str
    processes: list[subprocess.Popen[bytes]]

    @property
    def within(self) -> tuple[str, ...]:
        """Return the words before a command, which execute it in place."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return (_tool("ip"), "netns", "exec", self.namespace, *named)

    def cut(self) -> None:
        """Cut the link: all packets are dropped, and neither side is notified."""
        _ip("-n", self.switch, "link", "set", self.name, "down")

    def mend(self) -> None:
        """Undo `cut`."""
        _ip("-n", self.switch, "link", "set", self.name, "up")

    def limit(self, rate: str) -> None:
        """Limit the link in both directions, such as ``256kbit``."""
        for namespace, device in ((self.namespace, "eth0"), (self.switch, self.name)):
            limit = ("tbf", "rate", rate, "burst", "4kb", "latency", "400ms")
            _run(_tool("tc"), "-n", namespace, "qdisc", "replace", "dev", device, "root", *limit)

    def unlimit(self) -> None:
        """Undo `limit`."""
        for namespace, device in ((self.namespace, "eth0"), (self.switch, self.name)):
            _run(_tool("tc"), "-n", namespace, "qdisc", "del", "dev", device, "root")

    def start(
        self, words: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a command there; it ends with this process, and writes to ``log``."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*self.within, *words],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=ending_with_us(signal.SIGTERM),  # noqa: PLW1509 - prctl alone
            )
        self.processes.append(process)
        return process

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process there."""
        for pid in _pids(self.namespace):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


class Network:
    """Machines around a switch, removed at the end of the block with their processes."""

    def __init__(self) -> None:
        self._namespaces: list[str] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._switch = f"{_PREFIX}-{os.getpid()}-{_SWITCH}"

    def __enter__(self) -> Self:
        """Create the switch. Raises NoNamespaces."""
        if os.geteuid() != 0:
            raise NoNamespaces(NoNamespaces.__doc__)
        try:
            _sweep()
            self._add(self._switch)
            _ip("-n", self._switch, "link", "add", _BRIDGE, "type", "bridge")
            _ip("-n", self._switch, "link", "set", _BRIDGE, "up")
        except subprocess.CalledProcessError as refused:
            self._remove()
            raise NoNamespaces(f"{NoNamespaces.__doc__} {refused.stderr}") from refused
        return self

    def __exit__(self, *_exc: object) -> None:
        self._remove()

    def host(self, name: str, address: str) -> Host:
        """Add a machine with an address in a /24 network."""
        namespace = f"{_PREFIX}-{os.getpid()}-{name}"
        self._add(namespace)
        # Both ends are created within namespaces: this machine's network is unchanged.
        ends = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self._switch, "link", "add", name, *ends)
        _ip("-n", self._switch, "link", "set", name, "master", _BRIDGE, "up")
        _ip("-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _ip("-n", namespace, "link", "set", device, "up")
        return Host(name, address, namespace, self._switch, self._processes)

    def _add(self, namespace: str) -> None:
        _ip("netns", "add", namespace)
        self._namespaces.append(namespace)

    def _remove(self) -> None:
        while self._namespaces:
            _end(self._namespaces.pop())
        for each in self._processes:
            each.wait(_END_SECONDS)


def _sweep() -> None:
    """Remove namespaces of earlier test runs."""
    for line in _run(_tool("ip"), "netns", "list").splitlines():
        found = _OWN.match(line)
        if found is not None and not Path("/proc", found[1]).exists():
            _end(line.split()[0])


def _end(namespace: str) -> None:
    """Kill the processes in a namespace, and remove it."""
    deadline = time.monotonic() + _END_SECONDS
    while (pids := _pids(namespace)) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    with suppress(subprocess.CalledProcessError):
        _ip("netns", "delete", namespace)


def _pids(namespace: str) -> list[int]:
    try:
        return [int(pid) for pid in _run(_tool("ip"), "netns", "pids", namespace).split()]
    except subprocess.CalledProcessError:
        return []


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM)
    if found is None:
        raise NoNamespaces(NoNamespaces.__doc__)
    return found


def _ip(*words: str) -> None:
    _run(_tool("ip"), *words)


def _run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
