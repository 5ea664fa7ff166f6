"""`thoraq sheet`: pages of pictures, captions, audit and forgetting."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from cli.commands.sheet import MOST_PICTURES, PAGE_PICTURES
from cli.exits import Exit
from cli.main import thoraq
from db.audit import audit_rows
from radiograph.sheet import contact_sheet, label_tile, placeholder
from results.sheet import SHEET_COLUMNS, SHEET_SIDE_PX, Tiles, write_sheet
from results.sheet_pages import older_pages, page_files
from scheduler.shown_paths import ShownPaths
from testbed.radiographs import write_radiographs
from tests.cli.forked import run_forked
from tests.cli.measured_archive import Archive
from worker.pictures import Pictures


def draw(archive: Archive, *words: object, code: Exit = Exit.OK) -> CompletedProcess[str]:
    ran = run_forked(["sheet", *map(str, words)], archive.commands.environment)
    assert ran.returncode == code, ran.stderr
    return ran


def pages(folder: Path) -> set[str]:
    return {each.name for each in folder.glob("*.png")}


def test_results_are_drawn_in_their_order_page_by_page(archive: Archive, tmp_path: Path) -> None:
    write_radiographs(archive.folder, 1, seed=20)
    archive.take()
    [away] = archive.folder.glob("20-*")
    away.unlink()
    out = tmp_path / "sheet.png"
    words = ("--batch", "archive", "--sort", "radiograph:desc", "--per-page", 2, "--out", out)
    ran = draw(archive, *words)
    results = sorted(archive.results().values(), key=lambda each: -each.radiograph_id)
    assert pages(tmp_path) == {"sheet-1.png", "sheet-2.png", "sheet-3.png"}
    assert ran.stdout.splitlines()[-1] == f"1 results in {tmp_path}/sheet-3.png"
    assert sum("1 not drawn" in line for line in ran.stdout.splitlines()) == 1
    with Pictures(archive.settings) as pictures:
        drawing = Tiles(pictures, ShownPaths(archive.settings))
        tiles = [drawing.tile(each) for each in results]
    assert drawing.drawn == 4
    for number, start in enumerate((0, 2, 4), start=1):
        some = tiles[start : start + 2]
        title = f"archive, by radiograph, descending: results {start + 1} to {start + len(some)}"
        expected = contact_sheet(some, SHEET_COLUMNS, f"{title} of 5")
        with Image.open(tmp_path / f"sheet-{number}.png") as drawn:
            assert drawn.tobytes() == expected.tobytes(), number

    [read] = [each for each in audit_rows(archive.database) if each.action == "read"]
    assert read.subject == "archive"
    assert read.details == {"command": "sheet", "filters": [], "pictures": True, "rows": 5}


def test_filtered_results_on_one_page_are_written_to_the_file_itself(
    archive: Archive, tmp_path: Path
) -> None:
    archive.take()
    name, result = next(iter(archive.results().items()))
    out = tmp_path / "one.png"
    ran = draw(archive, "--where", f"path contains {name}", "--out", out)
    assert ran.stdout == f"1 results in {out}\n"
    with Pictures(archive.settings) as pictures:
        tile = Tiles(pictures, ShownPaths(archive.settings)).tile(result)
    with Image.open(out) as drawn:
        assert drawn.tobytes() == contact_sheet([tile], SHEET_COLUMNS, "1 result").tobytes()

    ran = draw(archive, "--where", "ict>99", "--out", out, "--overwrite", code=Exit.NOT_FOUND)
    assert "error [not-measured]: no results" in ran.stderr
    draw(archive, "--limit", MOST_PICTURES + 1, "--out", tmp_path / "b.png", code=Exit.USAGE)
    draw(archive, "--batch", "archive", code=Exit.USAGE)
    draw(archive, "--out", tmp_path / "a.jpg", code=Exit.USAGE)
    assert pages(tmp_path) == {"one.png"}


def test_no_page_is_overwritten_by_default_and_older_ones_are_named(
    archive: Archive, tmp_path: Path
) -> None:
    archive.take()
    out = tmp_path / "sheet.png"
    older = [tmp_path / f"sheet-{number}.png" for number in (2, 3, 5)]
    for each in older:
        each.write_text("older")
    ran = draw(archive, "--per-page", 2, "--out", out, code=Exit.USAGE)
    assert f"{older[0]} exists; use --overwrite to replace it" in ran.stderr
    assert not (tmp_path / "sheet-1.png").exists()  # refused before any page was drawn

    out.write_text("older")
    ran = draw(archive, "--per-page", 2, "--out", out, "--overwrite")
    named = [line for line in ran.stderr.splitlines() if "older sheet" in line]
    assert named == [f"{each} belongs to an older sheet" for each in (out, older[1])]
    assert [each.read_bytes() == b"older" for each in older] == [False, True, True]
    assert out.read_text() == "older"

    os.mkfifo(tmp_path / "pipe-1.png")
    words = ("--per-page", 2, "--overwrite", "--out", tmp_path / "pipe.png")
    assert "not a file" in draw(archive, *words, code=Exit.USAGE).stderr
    assert not (tmp_path / "pipe-2.png").exists()


def test_forgetting_a_patient_deletes_the_page(archive: Archive, tmp_path: Path) -> None:
    archive.take()
    words = ("--per-page", 3, "--sort", "radiograph", "--out", tmp_path / "sheet.png")
    draw(archive, *words)
    draw(archive, *words, "--overwrite")  # recorded once
    assert pages(tmp_path) == {"sheet-1.png", "sheet-2.png"}
    ran = run_forked(["forget", "--batch", "archive", "--yes"], archive.commands.environment)
    assert ran.returncode == Exit.OK, ran.stderr
    assert pages(tmp_path) == set()
    assert (ran.stdout + ran.stderr).count("sheet-1.png") == 1


def test_by_default_a_hundred_results_are_drawn_with_a_notice(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.take()
    monkeypatch.setattr("cli.commands.sheet.PICTURES", 3)
    told = []
    for words in ([], ["--limit", "2"]):
        out = str(tmp_path / f"sheet{len(told)}.png")
        ran = CliRunner().invoke(
            thoraq, ["sheet", *words, "--out", out], env=archive.commands.environment
        )
        assert ran.exit_code == Exit.OK, ran.output
        told.append("the first 3 of 4; use --limit N for more" in ran.stderr)
    assert told == [True, False]


@pytest.mark.parametrize("results", [1, 2, 13, 50])
def test_no_text_on_a_sheet_is_cut(
    results: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write = ImageDraw.ImageDraw.text

    def spied(
        pen: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, *, anchor: str, **more: object
    ) -> None:
        font = more["font"]
        assert isinstance(font, ImageDraw.ImageFont.FreeTypeFont)
        left, top, right, bottom = pen.textbbox(xy, text, font=font, anchor=anchor)
        width, height = pen.im.size
        assert 0 <= left <= right <= width, text
        assert 0 <= top <= bottom <= height, text
        written.append(text)
        write(pen, xy, text, anchor=anchor, font=font, fill=(255, 255, 255))

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spied)
    numbers = [7 * 10 ** (each % 12) + each for each in range(results)]
    tiles = [
        label_tile(
            placeholder(("reader-out-of-memory", "", "W" * 60), SHEET_SIDE_PX),
            f"radiograph {number}",
            ("W\u00e4" * 100, "a.dcm", "\u8089" * 90, "g" * 255)[number % 4],
            SHEET_SIDE_PX,
        )
        for number in numbers
    ]
    files = page_files(tmp_path / "a.png", -(-results // PAGE_PICTURES))
    for page, file in enumerate(files):
        some = tiles[page * PAGE_PICTURES : (page + 1) * PAGE_PICTURES]
        write_sheet(some, f"{'a batch of a very long name' * 9}: {len(some)} of {results}", file)
        with Image.open(file) as drawn:
            beside = min(SHEET_COLUMNS, len(some))
            assert drawn.width == max(512, beside * (SHEET_SIDE_PX + 16) + 16)
    assert len(files) == {1: 1, 2: 1, 13: 1, 50: 3}[results]
    assert {f"radiograph {number}" for number in numbers} <= set(written)  # not truncated


def test_further_pages_of_an_older_sheet_are_named(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert older_pages(out, 1) == []
    for each in ("a-1", "a-2", "a-4"):
        (tmp_path / f"{each}.png").touch()
    assert older_pages(out, 1) == [tmp_path / "a-1.png", tmp_path / "a-2.png"]
    assert older_pages(out, 2) == []
    out.touch()
    assert older_pages(out, 2) == [out]
