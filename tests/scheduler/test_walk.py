"""The walk finds every file of a folder, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scheduler.errors import PlaceMissing
from scheduler.intake.walk import is_passed_over, walk


def names(place: Path, **options: object) -> set[str]:
    return {
        os.path.relpath(met.stat.path, place)
        for met in walk(place, **options)  # type: ignore[arg-type]
    }


def test_files_of_every_folder_are_found_with_their_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.dcm").write_bytes(b"123")
    (tmp_path / "top").write_bytes(b"")
    met = {Path(each.stat.path).name: each for each in walk(tmp_path)}
    assert set(met) == {"deep.dcm", "top"}
    found = (tmp_path / "a" / "b" / "deep.dcm").stat()
    assert (met["deep.dcm"].stat.size, met["deep.dcm"].stat.mtime_ns) == (3, found.st_mtime_ns)


def test_links_are_skipped_so_there_are_no_loops_and_no_files_from_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"x")
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "mine.png").write_bytes(b"x")
    (archive / "loop").symlink_to(archive)
    (archive / "out").symlink_to(outside)
    (archive / "file.png").symlink_to(outside / "secret.png")
    (archive / "dangling").symlink_to("nowhere")
    assert names(archive) == {"mine.png"}


def test_a_link_given_as_the_path_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [met.stat.path for met in walk(tmp_path / "link")] == [str(tmp_path / "real" / "a.png")]


@pytest.mark.parametrize("name", [".DS_Store", "a.dcm.part", "b.TMP", "c.crdownload", "d.dcm~"])
def test_hidden_and_unfinished_names_are_skipped(name: str, tmp_path: Path) -> None:
    assert is_passed_over(name)
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "IM0001").write_bytes(b"x")
    assert names(tmp_path) == {"IM0001"}


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    [met] = walk(tmp_path)
    assert met.refusal is not None
    assert met.refusal.code == "not-an-image"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_an_unreadable_folder_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    [met] = walk(tmp_path)
    assert met.refusal is not None
    assert (met.refusal.code, met.refusal.permanent) == ("file-unavailable", False)


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/r\xf6ntgen.dcm"
    Path(os.fsdecode(odd)).write_bytes(b"x")
    [met] = walk(tmp_path)
    assert os.fsencode(met.stat.path) == odd


def test_our_own_state_folder_inside_the_archive_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "thoraq.db").write_bytes(b"x")
    (tmp_path / "a.png").write_bytes(b"x")
    assert names(tmp_path, leave_out=[tmp_path / "state"]) == {"a.png"}


def test_a_million_names_are_not_held_at_once(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.png").write_bytes(b"x")
    walking = walk(tmp_path)
    next(walking)
    for number in range(50):
        (tmp_path / f"{number}.png").unlink()
    # If the walk listed all of them first, it would still yield the other 49.
    assert list(walking) == []


def test_a_missing_path_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PlaceMissing, match="mounted"):
        next(walk(tmp_path / "nowhere"))


def test_nested_folders_are_entered_up_to_a_limit_without_affecting_other_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    nest = tmp_path / "nest"
    deepest = nest.joinpath(*["n"] * 600)
    deepest.mkdir(parents=True)
    (deepest / "lost.png").write_bytes(b"x")
    (nest / "n" / "b.png").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the folder itself is one of them
    met = list(walk(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert {Path(each.stat.path).name for each in met if each.refusal is None} == {"a.png", "b.png"}
    [refused] = [each.refusal for each in met if each.refusal is not None]
    assert (refused.code, "Too many nested folders" in refused.detail) == ("file-unavailable", True)


def test_an_abandoned_walk_closes_its_files(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    for number in range(5):
        (tmp_path / "study" / f"{number}.png").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    walking = walk(tmp_path)
    next(walking)
    walking.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
