"""A child learns that its parent was asked to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from worker.stop_signal import StopSignal

PROGRAM = """
import os, signal, sys, time
from worker.stop_signal import StopSignal
stopping = StopSignal()
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append("before"))
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os._exit(0 if stopping.wait(60) and stopping.is_set() else 1)
stopping.listen()
print("ready", flush=True)
_, status = os.wait()
assert told == ["before"]
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_the_flag_is_set_only_on_request() -> None:
    stopping = StopSignal()
    assert not stopping.is_set()
    assert not stopping.wait(0.01)
    stopping.set()
    assert stopping.wait(60)
    assert stopping.is_set()  # it stays set


def test_a_signal_to_the_parent_reaches_the_child_and_its_previous_handler() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    while True:
        try:
            os.kill(parent.pid, signal.SIGTERM)
            assert parent.wait(5) == 0
            break
        except subprocess.TimeoutExpired:
            continue  # the signal may arrive between Python's check for signals and the wait
    parent.stdout.close()
