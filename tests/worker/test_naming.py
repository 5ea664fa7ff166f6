"""A worker that shares a device has the same name as under `thoraq up`."""

from __future__ import annotations

import pytest

from worker.__main__ import name_of


@pytest.mark.parametrize(
    ("kind", "index", "share", "name"),
    [
        ("gpu", 0, 1, "gpu0"),
        ("gpu", 1, 2, "gpu1b"),
        ("cpu", 0, 1, "cpu0"),
        ("cpu", 0, 3, "cpu2"),
        ("training", 0, 1, "training0"),
        ("training", 0, 2, "training0b"),
    ],
)
def test_workers_of_one_device_have_different_names(
    kind: str, index: int, share: int, name: str
) -> None:
    assert name_of(kind, index, share) == name
