"""The documentation agrees with the program."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import thoraq
from cli.main import COMMANDS
from testbed.checkout import ROOT
from tests.cli.processed import Processed
from tests.docs.generated import PARTS, filled
from tests.docs.pages import PAGES, texts, whole
from tests.docs.transcript import FIRST, Transcript, masked, steps


def test_every_generated_part_is_on_one_page() -> None:
    assert sorted(re.findall(r"<!-- begin (\w+) -->", whole())) == sorted(PARTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_generated_part_is_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "make docs"


@pytest.fixture
def told(processed: Processed, tmp_path: Path) -> Iterator[Processed]:
    """Yield the archive of the documentation; its database is restored afterwards."""
    kept = tmp_path / "thoraq.db"
    database = processed.commands.state / "thoraq.db"
    shutil.copy(database, kept)
    yield processed
    shutil.copy(kept, database)


def test_every_command_prints_the_documented_output(told: Processed) -> None:
    transcript = Transcript(told.world, told.printed)
    assert next(steps(whole())).command == FIRST
    ran = 0
    for page, text in texts():
        for step in steps(text):
            wanted = masked(step.output, step.mode)
            printed = masked(transcript.printed(step), step.mode)
            assert printed == wanted, f"{page}: {step.command}: make docs"
            ran += 1
    assert ran > len(PAGES) / 2


def test_every_example_with_pandas_runs(told: Processed) -> None:
    pytest.importorskip("pandas", reason="pandas is an addition of the user's: pip install pandas")
    blocks = re.findall(r"^```python\n(.*?)^```$", whole(), re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        names: dict[str, object] = {"thoraq": thoraq}
        exec(block.replace("/srv/", f"{told.world.folder}/"), names)  # noqa: S102 - our own pages
        assert len(names["frame"]) > 0  # type: ignore[arg-type]


def test_the_notebook_runs_from_top_to_bottom(
    told: Processed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = json.loads((ROOT / "docs" / "results.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "a notebook without outputs: clear them"
            source = "".join(cell["source"]).replace("/srv/", f"{told.world.folder}/")
            exec(source, names)  # noqa: S102 - our own pages
    assert names["figure"].axes  # type: ignore[attr-defined]
    names["plt"].close("all")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    written = "\n".join(text for page, text in texts() if "/reference/" not in page)
    assert f"thoraq {name}" in written


def test_the_doctor_of_the_pages_finds_every_package_that_thoraq_needs() -> None:
    shown = re.search(r"^OK    packages    (.*?)\nOK ", whole(), flags=re.MULTILINE | re.DOTALL)
    assert shown is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [re.split(r"[^\w-]", line)[0] for line in project["dependencies"]]
    assert [each.split()[0] for each in shown[1].split(",")] == wanted


def test_every_documented_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"`?make (\w+)", whole())) - {"it", "the"} <= targets


def test_the_documentation_states_once_that_nothing_is_diagnosed() -> None:
    assert PAGES[0].read_text(encoding="utf-8").count("do not diagnose") == 1
    assert whole().count("do not diagnose") == 1
