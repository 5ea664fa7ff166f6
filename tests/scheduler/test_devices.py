"""Which devices a machine works on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.devices import Device, choose, driven, find_devices
from scheduler.errors import DeviceMissing

CPU = Device("cpu", "cpu", 0, 24 << 30)
SMALL = Device("cpu", "cpu", 0, 5 << 30)
NVIDIA = (Device("H", "cuda", 0, 1), Device("H", "cuda", 1, 1), CPU)
AMD = (Device("R", "rocm", 0, 1), CPU)


@pytest.mark.parametrize(
    ("requested", "found", "cores", "chosen"),
    [
        ("auto", NVIDIA, 16, ("cuda:0", "cuda:1")),
        ("auto", AMD, 16, ("cuda:0",)),
        ("auto", (CPU,), 1, ("cpu",)),
        ("auto", (CPU,), 2, ("cpu",) * 2),
        ("auto", (SMALL,), 8, ("cpu",) * 2),
        ("cpu", NVIDIA, 8, ("cpu",)),
        ("cuda:1", NVIDIA, 8, ("cuda:1",)),
        ("cuda", NVIDIA, 8, ("cuda:0",)),
        ("rocm:0", AMD, 8, ("cuda:0",)),
    ],
)
def test_devices_are_chosen(
    requested: str, found: tuple[Device, ...], cores: int, chosen: tuple[str, ...]
) -> None:
    assert choose(requested, found, cores=cores) == chosen


@pytest.mark.parametrize("requested", ["cuda:2", "gpu0", "cuda:x"])
def test_a_device_that_is_not_there_is_told(requested: str) -> None:
    with pytest.raises(DeviceMissing, match="doctor"):
        choose(requested, NVIDIA)


@pytest.mark.parametrize(
    ("node", "expected"),
    [("nvidiactl", True), ("nvidia0", True), ("kfd", True), ("dxg", True), ("null", False)],
)
def test_torch_is_asked_only_where_the_kernel_shows_an_accelerator(
    tmp_path: Path, node: str, expected: bool
) -> None:
    (tmp_path / node).touch()
    assert driven(tmp_path) == (expected or sys.platform != "linux")


def test_torch_and_the_kernel_agree_on_this_machine() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "network.devices", "--json"], capture_output=True, check=True
    )
    assert tuple(Device(**each) for each in json.loads(listed.stdout)) == find_devices()


def test_devices_are_listed_without_torch_in_this_process() -> None:
    loaded = "torch" in sys.modules
    found = find_devices()
    assert found[-1].kind == "cpu"
    assert found[-1].memory_bytes > 0
    assert ("torch" in sys.modules) == loaded
