"""Every command with ``--out`` overwrites only with ``--overwrite``."""

from __future__ import annotations

import os
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from cli.exits import Exit
from cli.main import thoraq
from results.picture_file import FORMATS, save_picture
from testbed.commands import Commands
from tests.cli.forked import run_forked
from tests.docs.generated import every_command

#: Arguments of each command, and the suffix of its file.
WORDS = {
    "bench": ("", "png"),
    "dataset explore": ("--data .", "png"),
    "export": ("", "csv"),
    "report": ("night", "html"),
    "sheet": ("", "png"),
    "show": ("1", "jpg"),
}


def options_of(words: tuple[str, ...]) -> set[str]:
    """Return the options of a command."""
    command: click.Command = thoraq
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_with_out_has_overwrite_and_a_case() -> None:
    having = {" ".join(words) for words in every_command() if "--out" in options_of(words)}
    assert having == set(WORDS)
    assert all("--overwrite" in options_of(tuple(each.split())) for each in having)


@pytest.mark.parametrize("command", sorted(WORDS))
def test_nothing_is_overwritten_by_default_and_no_folder_is_created(
    command: str, commands: Commands, tmp_path: Path
) -> None:
    words, ending = WORDS[command]
    asked = [*command.split(), *words.split()]
    absent = tmp_path / "new" / "folder" / f"a.{ending}"
    ran = run_forked([*asked, "--out", str(absent)], commands.environment)
    assert (ran.returncode, ran.stdout) == (Exit.USAGE, "")
    [line] = ran.stderr.splitlines()
    assert f"{absent.parent} is not a folder; create it first" in line
    assert not (tmp_path / "new").exists()

    older = tmp_path / f"older.{ending}"
    older.write_text("older")
    link = tmp_path / f"link.{ending}"
    link.symlink_to(tmp_path / "nowhere")
    for path in (older, link):
        ran = run_forked([*asked, "--out", str(path)], commands.environment)
        assert ran.returncode == Exit.USAGE
        [line] = ran.stderr.splitlines()
        assert f"{path} exists; use --overwrite to replace it" in line
    assert older.read_text() == "older"
    assert link.is_symlink()

    pipe = tmp_path / f"pipe.{ending}"
    os.mkfifo(pipe)
    for path in (pipe, link):
        ran = run_forked([*asked, "--out", str(path), "--overwrite"], commands.environment)
        assert ran.returncode == Exit.USAGE
        assert "not a file" in ran.stderr


@pytest.mark.parametrize("ending", [*FORMATS, *(each.upper() for each in FORMATS)])
def test_a_picture_has_the_format_of_its_suffix(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"a{ending}"
    save_picture(Image.fromarray(np.zeros((40, 30, 3), np.uint8)), out)
    with Image.open(out) as picture:
        assert picture.format == FORMATS[ending.lower()]
        assert picture.size == (30, 40)
