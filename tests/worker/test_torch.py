"""Torch is loaded only in the process that computes with it, and in none with OpenVINO."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from network.runtime import Runtime
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench, member


def has_torch(process: psutil.Process) -> bool:
    return "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.parametrize("runtime", [Runtime.AUTO, Runtime.TORCH])
def test_neither_the_worker_nor_its_readers_nor_the_upkeep_load_torch(
    bench: Bench, runtime: Runtime
) -> None:
    write_radiographs(bench.archive, 4)
    bench.settings = bench.settings.model_copy(update={"runtime": runtime})
    with bench.stack() as stack:
        bench.submit(stack)
        bench.finish(stack)
        worker = member(stack, "cpu0")
        [child] = worker.children()
        [reader] = child.children()
        assert "worker.readers.reader" in reader.cmdline()
        assert has_torch(child) == (runtime is Runtime.TORCH)
        assert not has_torch(worker)
        assert not has_torch(reader)
        assert not has_torch(member(stack, "upkeep"))
