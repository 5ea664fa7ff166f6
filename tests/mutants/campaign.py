"""The campaign: each fault is applied to a copy of the project, and its tests are run there."""

from __future__ import annotations

import queue
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from tests.mutants.copies import ProjectCopy, Ran
from tests.mutants.faults import Fault, TextNotFound, put_in


class Verdict(StrEnum):
    """Result of a fault."""

    NOTICED = "noticed"
    SURVIVED = "SURVIVED"  # its tests pass
    STALE = "text not found"  # the code has changed; update the row
    SKIPPED = "skipped"  # its tests are skipped on this machine, for example without root
    BROKEN = "DOES NOT RUN"  # a test does not exist, or the fault cannot be imported


@dataclass(frozen=True, slots=True)
class Tried:
    """A fault with its result and the output of pytest."""

    fault: Fault
    verdict: Verdict
    seconds: float
    output: str


class NamedTestsFail(Exception):
    """Tests in the table fail without a fault; fix them first."""


@contextmanager
def project_copies(count: int) -> Iterator[queue.SimpleQueue[ProjectCopy]]:
    """Yield a pool of ``count`` copies of the project. Raises ForeignImports."""
    copies: queue.SimpleQueue[ProjectCopy] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as place:
        for number in range(count):
            copies.put(ProjectCopy(Path(place).resolve() / str(number)))
        first = copies.get()
        first.check_imports()
        copies.put(first)
        yield copies


def run_campaign(
    faults: Sequence[Fault],
    at_once: int,
    tell: Callable[[Tried], None] = lambda _: None,
    *,
    sound: bool = True,
) -> list[Tried]:
    """Test every fault; ``sound``: first run the tests without a fault.

    Raises NamedTestsFail, ForeignImports.
    """
    with project_copies(at_once) as copies, ThreadPoolExecutor(at_once) as pool:

        def run(tests: Sequence[str], text: str | None = None, file: str = "") -> Ran:
            copy = copies.get()
            try:
                return copy.run(tests, text, file)
            finally:
                copies.put(copy)

        def attempt(fault: Fault) -> Tried:
            tried = _attempt(fault, run)
            tell(tried)
            return tried

        if sound:
            named = list(dict.fromkeys(test for fault in faults for test in fault.tests))
            shares = [named[start::at_once] for start in range(at_once)]
            for ran in pool.map(run, filter(None, shares)):
                if ran.code != pytest.ExitCode.OK:
                    raise NamedTestsFail(f"{ran.output}\n{NamedTestsFail.__doc__}")
        return list(pool.map(attempt, faults))


def _attempt(fault: Fault, run: Callable[[Sequence[str], str, str], Ran]) -> Tried:
    began = time.monotonic()
    try:
        ran = run(fault.tests, put_in(fault), fault.file)
    except TextNotFound as exc:
        return Tried(fault, Verdict.STALE, 0.0, str(exc))
    return Tried(fault, _verdict(ran), time.monotonic() - began, ran.output)


def _verdict(ran: Ran) -> Verdict:
    summary = ran.output.rstrip().rpartition("\n")[2]
    if ran.code is None:
        return Verdict.NOTICED
    # A crash outside of any test exits with 1 as well.
    if ran.code == pytest.ExitCode.TESTS_FAILED and re.search(r"\d (failed|error)", summary):
        return Verdict.NOTICED
    if ran.code != pytest.ExitCode.OK:
        return Verdict.BROKEN
    return Verdict.SKIPPED if " skipped" in summary else Verdict.SURVIVED
