"""The breaker distinguishes a failing machine from damaged files."""

from __future__ import annotations

import pytest

from worker.breaker import Breaker


@pytest.mark.parametrize(
    "code", ["reader-crashed", "reader-timeout", "reader-out-of-memory", "file-unavailable"]
)
def test_several_failures_in_a_row_that_may_be_the_machines_trip_it(code: str) -> None:
    breaker = Breaker(in_a_row=3)
    assert [breaker.note(code) for _ in range(3)] == [False, False, True]


def test_a_readable_or_damaged_file_resets_the_count() -> None:
    breaker = Breaker(in_a_row=2)
    for between in (None, "truncated-file"):
        assert not breaker.note("reader-crashed")
        assert not breaker.note(between)
    assert not breaker.note("reader-crashed")
    assert breaker.note("reader-crashed")


def test_the_count_is_reset_for_a_working_machine() -> None:
    breaker = Breaker(in_a_row=2)
    breaker.note("reader-crashed")
    breaker.note("reader-crashed")
    breaker.acquit()
    assert not breaker.note("reader-crashed")


def test_pauses_grow_until_a_chunk_succeeds() -> None:
    breaker = Breaker()
    assert [breaker.pause_seconds() for _ in range(5)] == [5.0, 10.0, 20.0, 40.0, 60.0]
    breaker.succeed()
    assert breaker.pause_seconds() == 5.0
