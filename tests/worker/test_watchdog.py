"""A process with a hanging device is ended, others are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from worker.errors import FRESH_START

PROGRAM = """
import time
from worker.watchdog import Watchdog

watchdog = Watchdog(0.4)
for _ in range(5):
    with watchdog.watching():
        time.sleep(0.15)
time.sleep(0.6)  # nothing to watch over
if {hangs}:
    with watchdog.watching():
        time.sleep(60)
"""


@pytest.mark.parametrize(("hangs", "code"), [(True, FRESH_START), (False, 0)])
def test_only_a_hanging_process_is_ended(hangs: bool, code: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(hangs=hangs)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    assert ("the device does not answer" in ran.stdout + ran.stderr) == hangs
