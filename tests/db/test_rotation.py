"""Dated copies: the newest are kept, and no other files are removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import schema
from db.backup import copies
from db.backup.rotation import rotate
from db.errors import CopyDamaged

EVENING = datetime(2026, 3, 1, 18, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "copies"
    made.mkdir()
    return made


def test_the_newest_copies_are_kept_and_each_can_be_restored(
    database_url: str, empty_url_of_same_kind: str, folder: Path
) -> None:
    made = [rotate(database_url, folder, 3, EVENING + timedelta(days=day)).copy for day in range(5)]
    assert sorted(folder.iterdir()) == made[2:]
    assert all(each.stat().st_mode & 0o077 == 0 for each in made[2:])
    copies.restore(empty_url_of_same_kind, made[2])


def test_copies_that_are_taken_within_a_second_are_several(database_url: str, folder: Path) -> None:
    made = [
        rotate(database_url, folder, 2, EVENING + timedelta(milliseconds=number)).copy
        for number in range(3)
    ]
    assert sorted(folder.iterdir()) == made[1:]


def test_a_copy_of_an_earlier_version_is_the_older_one(database_url: str, folder: Path) -> None:
    made = rotate(database_url, folder, 1, EVENING).copy
    former = made.with_name(made.name.replace(".000000Z", "Z"))
    made.rename(former)
    assert rotate(database_url, folder, 1, EVENING + timedelta(hours=1)).removed == (former,)


def test_only_copies_of_the_same_database_made_this_way_are_removed(
    database_url: str, empty_url_of_same_kind: str, folder: Path
) -> None:
    schema.upgrade(empty_url_of_same_kind)
    ours = rotate(database_url, folder, 1, EVENING).copy
    theirs = rotate(empty_url_of_same_kind, folder, 1, EVENING).copy
    assert ours != theirs
    name = ours.name
    kept = [folder / f"{name}.old", folder / f"my-{name}", folder / "thoraq-2026-03-01"]
    kept += [folder / name.replace("2026", "202"), folder / name.replace(".copy", ".db")]
    for each in kept:
        each.write_bytes(b"somebody's")
    link = folder / name.replace("2026", "2025")
    link.symlink_to(kept[0])
    (folder / name.replace("2026", "2024")).mkdir()
    new = rotate(database_url, folder, 1, EVENING + timedelta(days=1))
    assert new.removed == (ours,)
    assert {theirs, link, new.copy, *kept} < set(folder.iterdir())


def test_nothing_is_removed_until_the_new_copy_is_verified(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = rotate(database_url, folder, 1, EVENING).copy

    def spoil(source: Path, *, sqlite: bool) -> None:
        """Damage the copy before it is checked."""
        content = source.read_bytes()
        source.write_bytes(content[: len(content) // 2])
        copies.check_copy(source, sqlite=sqlite)

    monkeypatch.setattr("db.backup.rotation.check_copy", spoil)
    with pytest.raises(CopyDamaged):
        rotate(database_url, folder, 1, EVENING + timedelta(days=1))
    assert older in folder.iterdir()


def test_the_new_copy_is_kept_after_the_clock_was_set_back(database_url: str, folder: Path) -> None:
    later = rotate(database_url, folder, 2, EVENING).copy
    latest = rotate(database_url, folder, 2, EVENING + timedelta(days=1)).copy
    back = rotate(database_url, folder, 2, EVENING - timedelta(days=9))
    assert back.removed == (later,)
    assert set(folder.iterdir()) == {latest, back.copy}
