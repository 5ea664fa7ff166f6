"""Processes that start work at the same moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from testbed.checkout import ROOT


def race(script: str, arguments: Sequence[Sequence[str]]) -> list[str]:
    """Run a script of this folder in a process per argument list; return their outputs.

    Each process prints "ready" and waits for a line before it begins.
    """
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", f"tests.db.{script}", *each],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for each in arguments
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n", racer.communicate()[1]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=240) for racer in racers]
    for racer, (_, errors) in zip(racers, said, strict=True):
        assert racer.returncode == 0, errors
    return [output for output, _ in said]
