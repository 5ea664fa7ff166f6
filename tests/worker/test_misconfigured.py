"""A machine that is not set up for its messages leaves them to others."""

from __future__ import annotations

import pytest

from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.worker.conftest import Bench

pytestmark = pytest.mark.slow

FILES = 10


def test_a_worker_without_its_key_loses_no_message_and_continues_with_the_key(
    bench: Bench,
) -> None:
    # Nothing is sent again during this test: an acknowledged message would be lost.
    bench.settings = bench.settings.model_copy(update={"resend_seconds": 3600.0})
    write_radiographs(bench.archive, FILES)
    key = bench.settings.state / "patient.key"
    key.write_bytes(b"cut off")
    with bench.stack() as stack:
        bench.submit(stack)
        assert eventually(lambda: "the worker pauses" in bench.log()), bench.log()
        assert "key-unusable" in bench.log()
        assert bench.status().measured == 0
        key.unlink()
        assert bench.finish(stack).measured == FILES, bench.log()
    assert bench.status().balanced
