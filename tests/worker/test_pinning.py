"""A worker sees one device: existing masks are narrowed, never widened."""

from __future__ import annotations

import os

import pytest

from scheduler.cores import usable_cores
from scheduler.errors import DeviceMissing
from testbed.patience import eventually
from tests.worker.conftest import Bench, member
from worker.pinned_environment import pinned_environment


@pytest.mark.parametrize(
    ("before", "device", "mask"),
    [
        ({}, "cuda:1", {"CUDA_VISIBLE_DEVICES": "1"}),
        ({}, "cpu", {"CUDA_VISIBLE_DEVICES": "-1"}),
        ({"CUDA_VISIBLE_DEVICES": ""}, "cuda:0", {"CUDA_VISIBLE_DEVICES": "0"}),
        ({"CUDA_VISIBLE_DEVICES": "5, 3"}, "cuda:1", {"CUDA_VISIBLE_DEVICES": "3"}),
        ({"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}, "cuda:0", {"CUDA_VISIBLE_DEVICES": "GPU-a"}),
        ({"HIP_VISIBLE_DEVICES": "2,3"}, "cuda:1", {"HIP_VISIBLE_DEVICES": "3"}),
        ({"HIP_VISIBLE_DEVICES": "2,3"}, "cpu", {"HIP_VISIBLE_DEVICES": "-1"}),
        # The outer mask is kept: the index counts the devices that it leaves visible.
        (
            {"ROCR_VISIBLE_DEVICES": "4,6"},
            "cuda:1",
            {"ROCR_VISIBLE_DEVICES": "4,6", "CUDA_VISIBLE_DEVICES": "1"},
        ),
    ],
)
def test_masks_are_narrowed(before: dict[str, str], device: str, mask: dict[str, str]) -> None:
    after = pinned_environment(before, device)
    assert {name: after[name] for name in after if name.endswith("_VISIBLE_DEVICES")} == mask


def test_a_device_hidden_by_the_mask_is_reported() -> None:
    with pytest.raises(DeviceMissing, match="leaves 1"):
        pinned_environment({"CUDA_VISIBLE_DEVICES": "5"}, "cuda:1")


def test_a_process_computes_in_one_thread() -> None:
    after = pinned_environment({"PATH": "/bin", "OMP_NUM_THREADS": "16"}, "cpu")
    assert after["OMP_NUM_THREADS"] == "1"
    assert after["PATH"] == "/bin"


@pytest.mark.skipif(
    usable_cores() != len(os.sched_getaffinity(0)), reason="a quota leaves cores to the kernel"
)
def test_each_of_a_worker_per_core_stays_on_its_core(bench: Bench) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with bench.stack(["cpu"] * len(cores)) as stack:
        for number, core in enumerate(cores):
            worker = member(stack, f"cpu{number}")
            assert eventually(lambda of=worker, at=core: of.cpu_affinity() == [at]), core
