"""Pictures are drawn on the measured radiograph only, read as a worker reads it."""

from __future__ import annotations

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pytest
from click import BadParameter
from PIL import Image, ImageDraw

from cli.commands.show import OVERLAY_SIDE_PX
from cli.exits import Exit
from cli.out_option import PictureFile
from radiograph.errors import RadiographError
from radiograph.sheet import contact_sheet, placeholder
from results.sheet import (
    SHEET_COLUMNS,
    SHEET_SIDE_PX,
    Tiles,
    overlay,
    picture_title,
    save_sheet,
)
from scheduler.choices import PathForm
from scheduler.settings import Settings
from scheduler.shown_paths import ShownPaths
from testbed.commands import Commands
from testbed.radiographs import write_radiographs
from tests.cli.measured_archive import Archive
from worker.pictures import Pictures


def bomb(path: Path, side: int) -> None:
    """Write a PNG of a few hundred kilobytes with ``side`` x ``side`` pixels."""
    rows = zlib.compressobj(1)
    row = b"\0" + bytes(np.linspace(0, 255, side).astype(np.uint8))
    data = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    head = struct.pack("!IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
    )


def sheet_of(archive: Archive, settings: Settings, out: Path) -> bool:
    with Pictures(settings) as pictures:
        return save_sheet(
            archive.database,
            "archive",
            out,
            pictures=pictures,
            paths=ShownPaths(settings),
            most=12,
        )


def replaced(path: Path, other: Path) -> None:
    shutil.copyfile(other, path)


def replaced_by_a_look_alike(path: Path, other: Path) -> None:
    before = path.stat()
    path.write_bytes(other.read_bytes()[: before.st_size].ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


def folder_linked(path: Path, other: Path) -> None:
    shutil.copyfile(other, other.with_name(path.name))
    path.parent.rename(path.parent.with_name("away"))
    path.parent.symlink_to(other.parent)


def removed(path: Path, _other: Path) -> None:
    path.unlink()


def piped(path: Path, _other: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def kinds_of(family: type[RadiographError]) -> list[type[RadiographError]]:
    found = family.__subclasses__()
    return found + [inner for each in found for inner in kinds_of(each)]


DAMAGES: list[tuple[Callable[[Path, Path], None], str]] = [
    (replaced, "content-changed"),
    (replaced_by_a_look_alike, "content-changed"),
    (linked, "path-forbidden"),
    (removed, "file-unavailable"),
    (piped, "file-unavailable"),
]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (replaced_by_a_look_alike, "content-changed"),
        (folder_linked, "path-forbidden"),
        (removed, "file-unavailable"),
    ],
)
def test_show_draws_only_on_the_measured_content(
    damage: Callable[[Path, Path], None], code: str, archive: Archive, tmp_path: Path
) -> None:
    archive.take()
    [other] = archive.outside.iterdir()
    name, result = next(iter(archive.results().items()))
    damage(archive.folder / name, other)
    out = tmp_path / "overlay.png"
    ran = archive.commands.run("show", str(result.radiograph_id), "--out", out)
    assert f"error [{code}]" in ran.stderr
    assert ran.returncode == Exit.RADIOGRAPH
    assert not out.exists()


@pytest.mark.parametrize(
    ("side", "limits", "code"),
    [
        (11_000, {}, "too-large"),
        (9_000, {"THORAQ_READ_MEMORY_MB": "512"}, "reader-out-of-memory"),
        (256, {"THORAQ_READ_TIMEOUT_SECONDS": "0.0001"}, "reader-timeout"),
    ],
)
def test_a_picture_is_read_within_the_limits_of_a_worker(
    side: int, limits: dict[str, str], code: str, archive: Archive, tmp_path: Path
) -> None:
    bomb(archive.folder / "bomb.png", side)
    archive.take()
    commands = replace(archive.commands, extra=archive.commands.extra | limits)
    out = tmp_path / "overlay.png"
    out.write_text("an older picture")
    number = archive.results()["bomb.png"].radiograph_id
    ran = commands.run("show", str(number), "--out", out, "--overwrite")
    assert f"error [{code}]" in ran.stderr
    assert ran.returncode == Exit.RADIOGRAPH
    assert out.read_text() == "an older picture"


def test_a_sheet_has_a_tile_with_the_reason_of_a_missing_picture(
    archive: Archive, tmp_path: Path
) -> None:
    for number, (damage, _) in enumerate(DAMAGES):
        write_radiographs(archive.folder, 1, seed=20 + number)
        (archive.folder / f"{20 + number}-0000.png").rename(
            archive.folder / f"{damage.__name__}.png"
        )
    bomb(archive.folder / "bomb.png", 11_000)
    archive.take()
    [other] = archive.outside.iterdir()
    codes = {"bomb.png": "too-large"}
    for damage, code in DAMAGES:
        damage(archive.folder / f"{damage.__name__}.png", other)
        codes[f"{damage.__name__}.png"] = code

    sheet = tmp_path / "sheet.png"
    assert sheet_of(archive, archive.settings, sheet)
    with Pictures(archive.settings) as pictures:
        drawing = Tiles(pictures, ShownPaths(archive.settings))
        tiles = [drawing.tile(result) for result in archive.results().values()]
    for name, tile in zip(archive.results(), tiles, strict=True):
        if name in codes:
            [kind] = [each for each in kinds_of(RadiographError) if each.code == codes[name]]
            said = placeholder((codes[name], "", *wrap(str(kind.__doc__), 38)), SHEET_SIDE_PX)
            assert tile.crop((0, 0, *said.size)).tobytes() == said.tobytes()
    assert drawing.drawn == len(tiles) - len(codes)
    title = f"archive: {len(tiles) - len(codes)} of {len(tiles)} measured radiographs"
    expected = contact_sheet(tiles, SHEET_COLUMNS, title)
    with Image.open(sheet) as drawn:
        assert drawn.tobytes() == expected.tobytes()
    assert {each.name for each in tmp_path.iterdir() if "sheet" in each.name} == {"sheet.png"}


@pytest.mark.parametrize("form", list(PathForm))
def test_a_picture_shows_no_more_of_a_path_than_the_settings_allow(
    form: PathForm, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.take()
    settings = archive.settings.model_copy(update={"show_paths": form})
    paths = ShownPaths(settings)
    results = archive.results()
    first, *_, last = results
    (archive.folder / last).unlink()  # shown as a placeholder tile
    written: list[str] = []
    write = ImageDraw.ImageDraw.text

    def spied(pen: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, **more: Any) -> None:
        written.append(text)
        write(pen, xy, text, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", spied)
    assert sheet_of(archive, settings, tmp_path / "sheet.png")
    for name, result in results.items():
        hashed = paths.shown(result.path)[:12]
        shown = name if form is not PathForm.HASHED else hashed
        assert any(shown in each for each in written)
        assert any(name in each for each in written) is (form is not PathForm.HASHED)
        assert not any("study" in each for each in written)

    with Pictures(settings) as pictures:
        title = picture_title(results[first], paths)
        expected = overlay(results[first], pictures, OVERLAY_SIDE_PX, title)
    commands = replace(archive.commands, extra=archive.commands.extra | {"THORAQ_SHOW_PATHS": form})
    number, out = str(results[first].radiograph_id), tmp_path / "overlay.png"
    assert commands.run("show", number, "--out", out).returncode == 0
    with Image.open(out) as drawn:
        assert drawn.tobytes() == expected.tobytes()

    number = str(results[last].radiograph_id)
    ran = commands.run("show", number, "--out", tmp_path / "last.png")
    assert "error [file-unavailable]" in ran.stderr
    if form is PathForm.HASHED:
        assert last not in ran.stdout + ran.stderr


def test_a_report_without_any_of_its_files_is_written(archive: Archive, tmp_path: Path) -> None:
    archive.take()
    shutil.rmtree(archive.folder)
    out = tmp_path / "report" / "sheet.png"
    assert sheet_of(archive, archive.settings, out)
    assert out.exists()


@pytest.mark.parametrize(
    "command", [("show", "1"), ("bench",), ("dataset", "explore", "--data", "nowhere")]
)
def test_a_picture_is_not_written_with_another_suffix(
    command: tuple[str, ...], commands: Commands, tmp_path: Path
) -> None:
    ran = commands.run(*command, "--out", tmp_path / "a.gif")
    assert ran.returncode == Exit.USAGE
    assert "must end in .png" in ran.stderr
    assert not (tmp_path / "a.gif").exists()


@pytest.mark.parametrize("name", ["a.jpeg", "a.dcm", "a.png.exe", "a", ".png", "a.png ", "a.svg"])
def test_the_last_suffix_of_a_name_decides_the_format(name: str) -> None:
    with pytest.raises(BadParameter, match=r"must end in \.png"):
        PictureFile(".png").convert(name, None, None)
    assert PictureFile(".png").convert("a.b.PNG", None, None) == Path("a.b.PNG")


def test_a_picture_replaces_a_file_and_nothing_else(archive: Archive, tmp_path: Path) -> None:
    archive.take()
    number = str(next(iter(archive.results().values())).radiograph_id)
    out = tmp_path / "drawn" / "overlay.PNG"
    out.parent.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("kept")
    out.with_name(".overlay.PNG.part").symlink_to(precious)
    os.mkfifo(out)
    ran = archive.commands.run("show", number, "--out", out, "--overwrite")
    assert (ran.returncode, "[place-unusable]" in ran.stderr) == (Exit.USAGE, True), ran.stderr
    assert out.is_fifo()

    out.unlink()
    out.write_text("an older picture")
    ran = archive.commands.run("show", number, "--out", out, "--overwrite")
    assert ran.returncode == 0, ran.stderr
    assert precious.read_text() == "kept"
    with Image.open(io.BytesIO(out.read_bytes())) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
    assert {each.name for each in out.parent.iterdir()} == {out.name, ".overlay.PNG.part"}
