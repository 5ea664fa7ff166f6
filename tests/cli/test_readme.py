"""The README against the program."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import COMMANDS
from testbed.checkout import ROOT
from tests.cli.processed import Processed
from tests.readme.generated import PARTS, filled
from tests.readme.transcript import masked, steps

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_part_made_from_the_code_is_up_to_date() -> None:
    assert set(re.findall(r"<!-- begin (\w+) -->", README)) == set(PARTS)
    assert filled(README) == README, "make readme"


@pytest.fixture
def told(processed: Processed, tmp_path: Path) -> Iterator[Processed]:
    """Give the archive of the README, whose database is put back once the README is told."""
    kept = tmp_path / "thoraq.db"
    database = processed.commands.state / "thoraq.db"
    shutil.copy(database, kept)
    yield processed
    shutil.copy(kept, database)


def test_every_command_prints_what_the_readme_shows(told: Processed) -> None:
    first, *others = [step for step in steps(README) if "--help" not in step.command]
    assert first.command == "thoraq process /srv/archive"
    for step in [first, *others]:
        printed = told.printed if step is first else told.world.run(step.command)
        wanted = masked(step.output, step.mode)
        assert masked(printed, step.mode) == wanted, f"{step.command}: make readme"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_place_in_the_text(name: str) -> None:
    text = README.partition("## Reference")[0]
    assert f"thoraq {name}" in text.replace("<!--", "")


def test_every_folder_stands_in_the_tree() -> None:
    drawn = set(re.findall(r"^(\w+)/   ?", README, flags=re.MULTILINE))
    folders = {
        path.parent.name
        for path in ROOT.glob("*/__init__.py")
        if not path.parent.name.startswith(".")
    }
    assert drawn == folders | {"deploy", "tests"}


def test_the_doctor_of_the_readme_finds_every_package_that_thoraq_needs() -> None:
    shown = re.search(r"^OK    packages    (.*?)\nOK ", README, flags=re.MULTILINE | re.DOTALL)
    assert shown is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [re.split(r"[^\w-]", line)[0] for line in project["dependencies"]]
    assert [each.split()[0] for each in shown[1].split(",")] == wanted


def test_the_readme_names_every_make_target_it_needs_and_they_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"`?make (\w+)", README)) - {"it", "the"} <= targets


def test_the_readme_says_once_that_nothing_is_diagnosed() -> None:
    assert README.count("do not diagnose") == 1
