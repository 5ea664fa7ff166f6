"""The choice of a machine's devices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from network.compute_device import ComputeDevice
from scheduler.devices import choose_devices, find_devices, has_accelerator_driver, split_share
from scheduler.errors import DeviceMissing
from scheduler.settings import Settings
from scheduler.stack import Stack

CPU = ComputeDevice("cpu", "cpu", 0, 24 << 30)
SMALL = ComputeDevice("cpu", "cpu", 0, 5 << 30)
NVIDIA = (ComputeDevice("H", "cuda", 0, 80 << 30), ComputeDevice("H", "cuda", 1, 80 << 30), CPU)
AMD = (ComputeDevice("R", "rocm", 0, 24 << 30), CPU)
SMALL_CARD = (ComputeDevice("G", "cuda", 0, 11 << 30), CPU)
TINY_CARD = (ComputeDevice("G", "cuda", 0, 2 << 30), CPU)


@pytest.mark.parametrize(
    ("requested", "found", "cores", "chosen"),
    [
        ("auto", NVIDIA, 8, ("cuda:0", "cuda:1")),
        ("auto", NVIDIA, 16, ("cuda:0", "cuda:1") * 2),
        ("auto", AMD, 2, ("cuda:0",)),
        ("auto", AMD, 64, ("cuda:0",) * 4),
        ("auto", SMALL_CARD, 64, ("cuda:0",) * 2),
        ("cuda", TINY_CARD, 64, ("cuda:0",)),
        ("auto", (CPU,), 1, ("cpu",)),
        ("auto", (CPU,), 2, ("cpu",) * 2),
        ("auto", (SMALL,), 8, ("cpu",) * 2),
        ("cpu", NVIDIA, 8, ("cpu",)),
        ("cuda:1", NVIDIA, 7, ("cuda:1",)),
        ("cuda", NVIDIA, 8, ("cuda:0",) * 2),
        ("rocm:0", AMD, 7, ("cuda:0",)),
    ],
)
def test_devices_are_chosen(
    requested: str, found: tuple[ComputeDevice, ...], cores: int, chosen: tuple[str, ...]
) -> None:
    assert choose_devices(requested, found, cores=cores) == chosen


def test_the_number_of_workers_per_device_can_be_given() -> None:
    assert choose_devices("auto", NVIDIA, cores=64, sharing=1) == ("cuda:0", "cuda:1")
    assert choose_devices("cuda:1", NVIDIA, cores=1, sharing=3) == ("cuda:1",) * 3
    assert choose_devices("auto", (CPU,), cores=2, sharing=3) == ("cpu",) * 2


def test_workers_that_share_a_device_have_different_names(tmp_path: Path) -> None:
    stack = Stack(Settings(state=tmp_path), choose_devices("auto", NVIDIA, cores=16))
    workers = stack.members[1:]
    assert [each.name for each in workers] == ["gpu0", "gpu1", "gpu0b", "gpu1b"]
    devices = [each.command[each.command.index("--device") + 1] for each in workers]
    assert devices == ["cuda:0", "cuda:1"] * 2


@pytest.mark.parametrize("requested", ["cuda:2", "gpu0", "cuda:x"])
def test_a_missing_device_is_reported(requested: str) -> None:
    with pytest.raises(DeviceMissing, match="doctor"):
        choose_devices(requested, NVIDIA)


@pytest.mark.parametrize(
    ("node", "expected"),
    [("nvidiactl", True), ("nvidia0", True), ("kfd", True), ("dxg", True), ("null", False)],
)
def test_torch_is_asked_only_where_the_kernel_shows_an_accelerator(
    tmp_path: Path, node: str, expected: bool
) -> None:
    (tmp_path / node).touch()
    assert has_accelerator_driver(tmp_path) == (expected or sys.platform != "linux")


def test_torch_and_the_kernel_agree_on_this_machine() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "network.devices", "--json"], capture_output=True, check=True
    )
    assert tuple(ComputeDevice(**each) for each in json.loads(listed.stdout)) == find_devices()


def test_devices_are_listed_without_torch_in_this_process() -> None:
    loaded = "torch" in sys.modules
    found = find_devices()
    assert found[-1].kind == "cpu"
    assert found[-1].memory_bytes > 0
    assert ("torch" in sys.modules) == loaded


@pytest.mark.parametrize(
    ("requested", "device", "share"),
    [
        ("cuda:0", "cuda:0", 1),
        ("cuda:0.2", "cuda:0", 2),
        ("cpu.3", "cpu", 3),
        ("cuda:0.26", "cuda:0", 26),
        ("cuda:0.27", "cuda:0.27", 1),
        ("cuda:0.0", "cuda:0.0", 1),
        ("cuda:0.x", "cuda:0.x", 1),
        (".2", ".2", 1),
    ],
)
def test_a_worker_that_shares_a_device_has_a_number(
    requested: str, device: str, share: int
) -> None:
    assert split_share(requested) == (device, share)
