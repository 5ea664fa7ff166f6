"""Pages of the documentation: listed, linked, of limited length, without dead links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from ruamel.yaml import YAML

from tests.docs.generated import PARTS
from tests.docs.links import anchors, dead, links
from tests.docs.pages import PAGES, README, ROOT, texts
from tests.docs.project import folders
from tests.house.test_layout import FOLDERS
from training.dataset import cardiothoracic, landmarks15

LONGEST_README_LINES = 200
LONGEST_PAGE_LINES = 400
LARGEST_PICTURE_BYTES = 200_000
OTHERS = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/README.md")
TEXTS = [*PAGES, *(ROOT / name for name in OTHERS)]


def named(page: Path) -> str:
    """Return the path of a page relative to the root."""
    return str(page.relative_to(ROOT))


def test_every_page_is_in_the_list_and_in_the_index() -> None:
    docs = ROOT / "docs"
    assert sorted(docs.rglob("*.md")) == sorted(page for page in PAGES if page != README)
    index = docs / "index.md"
    linked = {(docs / link).resolve() for link in links(index.read_text(encoding="utf-8"))}
    assert {page for page in linked if page.is_relative_to(docs)} == set(PAGES) - {README, index}


def test_no_page_is_too_long() -> None:
    lengths = {page: len(page.read_text(encoding="utf-8").splitlines()) for page in PAGES}
    assert lengths.pop(README) <= LONGEST_README_LINES
    written = {page: n for page, n in lengths.items() if page.parent.name != "reference"}
    assert {named(page): n for page, n in written.items() if n > LONGEST_PAGE_LINES} == {}


@pytest.mark.parametrize("page", TEXTS, ids=named)
def test_no_link_is_dead(page: Path) -> None:
    assert dead(page, ROOT) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One, `two`: three\n\n## Same\n\n## Same\n", "utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md) [b](other.md#one-two-three) ![c](other.md#same-1) [d](#here)\n"
        "[e](https://example.org/gone) [`f`](other.md)\n\n"
        "[g](gone.md) [h](other.md#same-2) [i](#there) ![j](gone.png) [k](../gone.md)\n"
        '[l](/other.md) [m](gone.md "title")\n\n[n]: gone.md\n\n'
        "```\n[not a link](code.md)\n```\n\n    [not a link](code.md)\n\n`[nor](this.md)`\n",
        encoding="utf-8",
    )
    found = dead(page, tmp_path)
    assert found == [
        *("gone.md", "other.md#same-2", "#there", "gone.png", "../gone.md"),
        *("/other.md", "gone.md", "gone.md"),
    ]


def test_the_anchors_are_those_of_the_headings_outside_code() -> None:
    assert anchors('# "unable to open"\n```\n# no heading\n```\n## `a-code`, or b\n') == {
        "unable-to-open",
        "a-code-or-b",
    }


def test_pictures_are_small() -> None:
    sizes = {named(each): each.stat().st_size for each in (ROOT / "docs" / "pictures").iterdir()}
    assert sizes
    assert max(sizes.values()) < LARGEST_PICTURE_BYTES


def test_every_folder_is_described_in_the_architecture() -> None:
    rows = [line.split(" | ") for line in folders().splitlines()[2:]]
    assert all(sentence.removesuffix("|").strip() for _, sentence in rows)
    top = {name.strip("| `").rstrip("/") for name, _ in rows}
    assert {name for name in top if "/" not in name} == FOLDERS
    assert "<!-- begin folders -->" in (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert "folders" in PARTS


def test_the_pages_name_the_index_of_the_dockerfile() -> None:
    indexes = re.compile(r"https://download\.pytorch\.org/whl/\w[\w.]*")
    stated = {found for _, text in texts() for found in indexes.findall(text)}
    assert stated == set(indexes.findall((ROOT / "deploy" / "Dockerfile").read_text("utf-8")))


def test_the_citation_is_of_this_version_and_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["title"] == project["name"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert " ".join(citation["abstract"].split()) == project["description"]
    assert {"cff-version", "message", "authors"} <= set(citation)


@pytest.mark.parametrize("layout", [landmarks15, cardiothoracic], ids=["landmarks", "widths"])
def test_the_page_on_training_names_the_files_and_columns_of_a_data_set(layout: ModuleType) -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    between = {f"{axis}{number}" for axis in "xy" for number in range(2, 15)}
    splits = {landmarks15.known_split(name) for name in ("train", "val", "test", "external")}
    wanted = {f"{layout.FOLDER}/", layout.TABLE, *layout.COLUMNS, *splits} - between
    assert {name for name in wanted if f"`{name}`" not in text} == set()
