"""A table in failed/ gives the reason for each file there, and overwrites nobody's file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from db.database import Database
from db.operations import retry
from db.query.results import file_outcomes
from db.records import ClaimedJob, Outcome, Refusal
from radiograph.errors import NotAnImage, TruncatedFile
from scheduler.intake.failure_table import COLUMNS, NAME, FailureRow, FailureTable
from scheduler.intake.inbox import Inbox
from scheduler.intake.put_away import After
from scheduler.intake.watch import Watch
from scheduler.settings import Settings
from testbed.records import BROKEN, measured, refusing
from tests.scheduler.test_put_away import end, take
from tests.scheduler.test_watch import write_image

REMEDIES = {BROKEN.code: "Copy it again.", "not-an-image": "Leave it out."}
Watching = Callable[[After], Watch]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an inbox with two radiographs and another file."""
    made = tmp_path / "incoming"
    (made / "study").mkdir(parents=True)
    write_image(made / "study" / "1.png", 1)
    write_image(made / "=2.png", 2)
    (made / "notes.txt").write_text("not an image")
    return made


@pytest.fixture
def watching(served: Database, folder: Path, settings: Settings) -> Watching:
    return lambda after: Watch(served, folder, settings, after=after, remedies=REMEDIES)


def broken(job: ClaimedJob) -> Outcome:
    return refusing(job, BROKEN)


def table(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the table by path, one each."""
    text = (folder / "failed" / NAME).read_text("utf-8", "surrogateescape")
    lines = list(csv.DictReader(text.splitlines()))
    rows = {line["path"]: line for line in lines}
    assert len(rows) == len(lines)
    assert text.partition("\n")[0] == ",".join(COLUMNS)
    return rows


def drafts(folder: Path) -> list[str]:
    return [each.name for each in (folder / "failed").iterdir() if each.name.startswith(".")]


def test_the_table_says_why_each_file_is_in_failed_and_what_to_do(
    served: Database, folder: Path, watching: Watching
) -> None:
    watch = watching(After.MOVE)
    take(watch)
    end(served, lambda job: broken(job) if "=2" in job.paths[0] else measured(job))
    watch.scan()
    rows = table(folder)
    assert set(rows) == {"'=2.png", "notes.txt"}  # not a formula
    assert rows["'=2.png"] | {"when": ""} == {
        "path": "'=2.png",
        "code": BROKEN.code,
        "detail": BROKEN.detail,
        "remedy": "Copy it again.",
        "when": "",
    }
    assert rows["notes.txt"]["remedy"] == "Leave it out."
    assert rows["notes.txt"]["when"].endswith("+00:00")
    assert drafts(folder) == []


def test_the_remedy_is_in_only_one_column(
    served: Database, folder: Path, settings: Settings
) -> None:
    remedies = {each.code: str(each.__doc__) for each in (TruncatedFile, NotAnImage)}
    watch = Watch(served, folder, settings, after=After.MOVE, remedies=remedies)
    take(watch)
    found = TruncatedFile.because("7 of 9 bytes. Odd")
    refusal = Refusal.of(found)
    end(served, lambda job: refusing(job, refusal))
    watch.scan()
    rows = table(folder)
    said = {path: (row["detail"], row["remedy"]) for path, row in rows.items()}
    assert said == {
        "'=2.png": ("7 of 9 bytes. Odd", TruncatedFile.__doc__),
        "study/1.png": ("7 of 9 bytes. Odd", TruncatedFile.__doc__),
        "notes.txt": ("", NotAnImage.__doc__),
    }


def test_later_failures_are_added_to_the_table_also_after_a_restart(
    served: Database, folder: Path, watching: Watching
) -> None:
    expected = {"notes.txt"}
    watch = watching(After.MOVE)
    take(watch)
    end(served)
    watch.scan()
    for number in range(6):
        if number % 2:
            watch = watching(After.MOVE)
        (folder / f"more {number}.txt").write_text(f"not an image {number}")
        take(watch)
        expected.add(f"more {number}.txt")
        assert set(table(folder)) == expected
    assert take(watching(After.MOVE)) is None
    assert set(table(folder)) == expected
    assert {each.path for each in file_outcomes(served)} == {
        *(str(folder / "failed" / each) for each in expected),
        *(str(folder / "done" / each) for each in ("study/1.png", "=2.png")),
    }


def test_the_table_is_not_submitted_by_any_watch(
    served: Database, folder: Path, watching: Watching
) -> None:
    take(watching(After.MOVE))
    assert set(table(folder)) == {"notes.txt"}
    take(watching(After.MOVE))
    take(watching(After.LEAVE))
    assert not any(each.path.endswith(NAME) for each in file_outcomes(served))


@pytest.mark.parametrize("after", [After.MOVE, After.DELETE])
def test_a_file_that_is_measured_by_a_later_try_leaves_the_table(
    served: Database, folder: Path, watching: Watching, after: After
) -> None:
    watch = watching(after)
    take(watch)
    end(served, broken)
    watch.scan()
    assert set(table(folder)) == {"'=2.png", "study/1.png", "notes.txt"}
    retry(served, "incoming", [BROKEN.code], 4)
    end(served)
    watching(after).scan()
    assert set(table(folder)) == {"notes.txt"}


def test_a_crash_before_the_database_is_updated_repeats_no_row(
    served: Database, folder: Path, watching: Watching
) -> None:
    take(watching(After.MOVE))
    end(served, broken)
    inbox = Inbox(folder)
    told = FailureRow.of("study/1.png", "former", "", "", "")
    FailureTable().change(inbox, [told], [])
    inbox.close()
    (folder / "failed" / "study").mkdir()
    (folder / "study" / "1.png").rename(folder / "failed" / "study" / "1.png")
    watching(After.MOVE).scan()
    assert set(table(folder)) == {"'=2.png", "study/1.png", "notes.txt"}
    assert table(folder)["study/1.png"]["code"] == BROKEN.code


def foreign_text(path: Path, outside: Path) -> None:
    del outside
    path.write_text("name,age\nada,3\n")


def foreign_columns(path: Path, outside: Path) -> None:
    del outside
    path.write_text(",".join(COLUMNS) + "\na,b\n")


def foreign_bytes(path: Path, outside: Path) -> None:
    del outside
    path.write_bytes(b'"' + bytes(range(256)) * 1000)


def empty(path: Path, outside: Path) -> None:
    del outside
    path.write_bytes(b"")


def link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def hard_link(path: Path, outside: Path) -> None:
    path.hardlink_to(outside)


def subfolder(path: Path, outside: Path) -> None:
    del outside
    path.mkdir()


def pipe(path: Path, outside: Path) -> None:
    del outside
    os.mkfifo(path)


def of_somebody_else(path: Path, outside: Path) -> None:
    del outside
    path.write_text(",".join(COLUMNS) + "\n")
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("only root gives files away")


@pytest.mark.parametrize(
    "put",
    [
        foreign_text,
        foreign_columns,
        foreign_bytes,
        empty,
        link,
        hard_link,
        subfolder,
        pipe,
        of_somebody_else,
    ],
)
def test_a_foreign_table_is_unchanged_and_files_are_moved(
    served: Database,
    folder: Path,
    watching: Watching,
    tmp_path: Path,
    put: Callable[[Path, Path], None],
) -> None:
    outside = tmp_path / "outside"
    outside.write_text(",".join(COLUMNS) + "\n")
    (folder / "failed").mkdir()
    path = folder / "failed" / NAME
    put(path, outside)
    before, data = path.lstat(), path.read_bytes() if path.is_file() else b""
    watch = watching(After.MOVE)
    take(watch)
    end(served, broken)
    watch.scan()
    assert os.path.samestat(path.lstat(), before)
    assert (path.read_bytes() if path.is_file() else b"") == data
    assert outside.read_text() == ",".join(COLUMNS) + "\n"
    assert drafts(folder) == []
    assert (folder / "failed" / "study" / "1.png").exists()
    assert all("/failed/" in each.path for each in file_outcomes(served))


@pytest.mark.parametrize("name", [NAME, "Reasons.CSV"])
def test_a_file_with_the_name_of_the_table_is_renamed(
    served: Database, folder: Path, watching: Watching, name: str
) -> None:
    (folder / name).write_text("sent")
    take(watching(After.MOVE))
    [sent] = [each for each in file_outcomes(served) if "easons." in each.path.casefold()]
    assert Path(sent.path).read_text() == "sent"
    assert Path(sent.path).name.casefold() != NAME
    assert Path(sent.path).name in table(folder)


def test_a_table_replaced_while_it_is_written_is_not_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "failed").mkdir()
    inbox, kept = Inbox(folder), FailureTable()
    kept.change(inbox, [FailureRow.of("a", "", "", "", "")], [])
    path = folder / "failed" / NAME
    synced = os.fsync

    def swap(descriptor: int) -> None:
        synced(descriptor)
        path.unlink()
        path.write_text("of a sender")

    monkeypatch.setattr(os, "fsync", swap)
    with pytest.raises(FileExistsError):
        kept.change(inbox, [FailureRow.of("b", "", "", "", "")], [])
    inbox.close()
    assert path.read_text() == "of a sender"
    assert drafts(folder) == []


def test_on_a_full_disk_failures_are_recorded_after_their_reason_is_written(
    served: Database, small_disk: Path, settings: Settings
) -> None:
    (small_disk / "notes.txt").write_text("not an image")
    (small_disk / "failed").mkdir()
    watch = Watch(served, small_disk, settings, after=After.MOVE, remedies=REMEDIES)
    with (small_disk / ".filling").open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    take(watch)
    watch.scan()
    (small_disk / ".filling").unlink()
    watch.scan()
    watch.scan()
    assert set(table(small_disk)) == {"notes.txt"}
    assert [each.path for each in file_outcomes(served)] == [str(small_disk / "failed/notes.txt")]


def test_a_name_of_any_bytes_is_in_the_table(
    served: Database, folder: Path, watching: Watching
) -> None:
    name = os.fsdecode(b'm\xfcl",\xff;x.png')
    write_image(folder / name, 9)
    watch = watching(After.MOVE)
    take(watch)
    end(served, broken)
    watch.scan()
    (folder / "more.txt").write_text("not an image")
    take(watching(After.MOVE))
    assert name in table(folder)
    with (folder / "failed" / NAME).open("rb") as file:
        assert b"m\xfcl" in file.read()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff20"])
def test_no_text_in_the_table_is_a_formula_or_is_escaped_twice(sign: str) -> None:
    once = FailureRow.of(f"{sign}cmd|' /C calc'!A0", "code", sign, "", "")
    assert (once.path[0], once.detail) == ("'", f"'{sign}")
    again = FailureRow.of(once.path, once.code, once.detail, once.remedy, once.when)
    assert again == once
