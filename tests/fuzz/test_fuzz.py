"""A fixed sample of hostile files in the real stack: no crash, no hang, no unknown outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import run_campaign
from tests.fuzz.inputs import KINDS, kind_of, write_input


@pytest.mark.slow
def test_hostile_files_fail_alone() -> None:
    report = run_campaign(320, seed=0, round_size=160, tell=lambda _: None)
    assert report.faults == []
    assert report.worker_crashes == 0
    assert set(report.kinds) == set(KINDS)
    assert report.files > 300
    assert report.endings["measured"] > 20  # some damage is harmless
    assert len(report.codes) > 8


def test_a_number_gives_the_same_input_again(tmp_path: Path) -> None:
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        for number in range(60, 100):
            kind = kind_of(9, number)
            if kind != "no file" and "bomb" not in kind:
                write_input(tmp_path / place, 9, number, kind)
    one, other = (
        {each.name: each.read_bytes() for each in (tmp_path / place).iterdir()}
        for place in ("one", "other")
    )
    assert one == other
    assert len(one) > 25
