"""Conditions on single columns, as an operator writes them."""

from __future__ import annotations

from datetime import date

import pytest

from db.database import Database
from db.query.conditions import COMPARABLE, parse_condition
from db.query.results import find_results
from db.records import Comparison, Condition, ResultFilter
from radiograph.records import View
from results.columns import COLUMNS
from testbed.records import claim, measured, seen, send, store, submit

AGES = (0.5, 12.0, 43.0, None)


@pytest.fixture
def studies(database: Database) -> Database:
    """Return four results of different ages, one of them an AP radiograph."""
    submit(database, [seen(number) for number in range(4)], chunk_size=4)
    taken = claim(database, send(database)[0])
    outcomes = []
    for job in taken.jobs:
        number = int(job.paths[0].removeprefix("/archive/").removesuffix(".dcm"))
        outcomes.append(
            measured(
                job,
                age_years=AGES[number],
                study_date=date(2025, 1, number + 1),
                view=View.AP if number == 2 else View.PA,
            )
        )
    store(database, taken, outcomes)
    return database


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (("age_years<18",), [0, 1]),
        (("age_years >= 12",), [1, 2]),
        (("age_years=",), [3]),
        (("age_years!=",), [0, 1, 2]),
        (("age_years!=43",), [0, 1, 3]),
        (("view=ap",), [2]),
        (("view!=AP", "age_years>1"), [1]),
        (("study_date>2025-01-02",), [2, 3]),
        (("study_date<=2025-01-02",), [0, 1]),
        (("path=/archive/3.dcm",), [3]),
        (("enlarged=no", "ict<0.5", "rows=2048", "radiograph>0"), [0, 1, 2, 3]),
        (("model=lungs-1", "device=cpu", "bucket=good"), [0, 1, 2, 3]),
        (("measured_at<2026-03-01T20:00:00+00:00",), []),
        (("worker=' OR 1=1",), []),
        (("path like '%/1.dcm'",), [1]),
        (("path like /archive/_.dcm",), [0, 1, 2, 3]),
        (("path like '/ARCHIVE/%'",), []),
        (("path like /archive/?.dcm",), []),
        (("path like /archive/*",), []),
        (("path like /archive/[0-3].dcm",), []),
        ((r"path like /archive/\_.dcm",), []),
        ((r"path like /archiv\e/1.dcm",), [1]),
        (("path not like %3.dcm",), [0, 1, 2]),
        (("path contains '/2.'",), [2]),
        (("path contains %",), []),
        (("path contains ARCHIVE",), []),
        (("path='/archive/3.dcm'",), [3]),
        (("path like '%'' OR 1=1 --'",), []),
        (("view like A_",), [2]),
        (("age_years is null",), [3]),
        (("age_years IS NOT NULL", "view contains P"), [0, 1, 2]),
        (("modality not like 'zz%'", "age_years is null"), [3]),
    ],
)
def test_a_condition_selects_results(
    studies: Database, written: tuple[str, ...], found: list[int]
) -> None:
    wanted = ResultFilter(where=tuple(map(parse_condition, written)))
    results = find_results(studies, wanted)
    assert sorted(result.path for result in results) == [
        f"/archive/{number}.dcm" for number in found
    ]


def test_a_value_has_the_type_of_its_column() -> None:
    assert parse_condition("attempt>=2") == Condition("attempt", Comparison.AT_LEAST, 2)
    assert parse_condition("view = pa").value is View.PA
    assert parse_condition("enlarged=TRUE").value is True


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("age_years", "not a condition"),
        ("age<18", "age_years"),
        ("age_years<young", "float"),
        ("view=sideways", "PA"),
        ("enlarged=perhaps", "true or false"),
        ("study_date>May", "date"),
        ("ict>", "no value"),
        ("patient_id=12345", "no column"),
        ("points=1", "no column"),
        ("age_year<18", r"character 1\); did you mean age_years"),
        ("age_years<young", r"\(at character 11\)"),
        ("age_years like 1%", "needs a text column"),
        ("enlarged contains yes", "needs a text column"),
        ("path like ''", "no value"),
        ("path like 'a", "closing quote"),
        ("path like 'a'b'", "doubled"),
        ("path like a\\", "backslash"),
        (f"path like {'%' * 5000}", "4096"),
        ("pathlike a", "an operator is missing"),
        ("ict is null 3", r"'is null' takes no value, such as '3' \(at character 13\)"),
        ("ict is", "an operator is missing"),
    ],
)
def test_the_error_for_an_invalid_condition_shows_what_is_valid(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_condition(written)


def test_every_column_of_the_dictionary_but_points_and_identifiers_can_be_compared() -> None:
    left_out = {"patient_id", "accession", "measurement"}
    points = ("_x", "_y", "_spread")
    named = {column.name for column in COLUMNS if not column.name.endswith(points)}
    assert set(COMPARABLE) == named - left_out
