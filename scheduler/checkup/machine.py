"""Checks of the machine: interpreter, packages, devices, and the weights of the shipped network."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from network.card import shipped_card, verify_weights
from network.errors import NetworkError
from scheduler.checkup.check import Check
from scheduler.cores import usable_cores

#: Torch reports its devices within this time, even from a cold disk.
DEVICES_SECONDS = 180
INSTALL = "make setup"


def check_python() -> Check:
    """Check the interpreter."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, found, None if ok else "make setup PYTHON=python3.12")


def check_packages() -> Check:
    """Check that every package that thoraq's metadata requires is installed."""
    try:
        wanted = [line for line in requires("thoraq") or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return Check("packages", ok=False, found="thoraq is not installed", repair=INSTALL)
    found, missing = [], []
    for line in wanted:
        name = line.partition(";")[0].translate(str.maketrans("[<>=!~", "      ")).split()[0]
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", ok=False, found=f"missing: {', '.join(missing)}", repair=INSTALL)
    return Check("packages", ok=True, found=", ".join(found))


def check_devices() -> Iterator[Check]:
    """Yield a check per device that torch finds, in a process of its own."""
    command = [sys.executable, "-m", "network.devices", "--json"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=DEVICES_SECONDS, check=True
        )
        devices = json.loads(asked.stdout)
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr.strip().splitlines() or ["no message"])[-1]
        yield Check("device", ok=False, found=f"torch does not start: {last}", repair=INSTALL)
        return
    except (subprocess.TimeoutExpired, ValueError):
        yield Check(
            "device",
            ok=False,
            found="torch does not answer",
            repair="python -m network.devices",
        )
        return
    for device in devices:
        memory = f"{device['memory_bytes'] / 2**30:.1f} GiB"
        if device["kind"] == "cpu":
            found = f"cpu  {usable_cores()} cores, {memory}"
        else:
            found = f"cuda:{device['index']}  {device['name']} ({device['kind']}), {memory}"
        yield Check("device", ok=True, found=found)


def check_weights() -> Check:
    """Compare the shipped weights with their card."""
    try:
        card = shipped_card()
        verify_weights(card)
    except NetworkError as exc:
        return Check("weights", ok=False, found=str(exc), repair="git checkout -- network/weights")
    return Check("weights", ok=True, found=f"{card.version}  sha256 {card.weights_digest[:16]}...")
