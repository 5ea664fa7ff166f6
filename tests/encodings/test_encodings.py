"""A fixed sample of the encodings is read, and the documentation states their number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from radiograph.records import ReadingNote
from tests.encodings.encoding import outcome_of
from tests.encodings.matrix import SAMPLE, all_encodings, sample, tabulated
from tests.encodings.second_opinion import AGREES, opinions

HEADING = "| kind | files | equal | refused | wrong |"
PAGE = Path(__file__).parents[2] / "docs" / "reading.md"


def test_the_chest_is_the_same_in_every_encoding_of_the_sample() -> None:
    encodings = sample(all_encodings())
    table, kinds = tabulated(encodings, outcome_of)
    assert table.faults == []
    assert len(encodings) == SAMPLE
    assert set(kinds) == {each.kind for each in all_encodings()}


def test_every_difference_from_gdcm_is_explained_by_the_standard() -> None:
    pytest.importorskip("gdcm")
    found, unexplained = opinions(sample(all_encodings()))
    assert unexplained == []
    assert found[AGREES] > SAMPLE / 3


def test_the_page_counts_the_encodings_by_kind() -> None:
    counts = Counter(each.kind for each in all_encodings())
    text = PAGE.read_text(encoding="utf-8")
    block = text.partition(f"{HEADING}\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()[1:]]
    written = {row[0]: int(row[1]) for row in rows}
    assert written == {**counts, "all": counts.total()}
    assert all(row[4] == "0" for row in rows)


def test_the_page_lists_every_note() -> None:
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition(HEADING)[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    assert rows == [f"`{note}`" for note in ReadingNote]


def test_all_encodings_differ() -> None:
    names = Counter((each.kind, each.name) for each in all_encodings())
    assert [name for name, count in names.items() if count > 1] == []
