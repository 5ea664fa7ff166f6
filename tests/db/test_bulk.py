"""Many rows in one statement are stored unchanged, on both databases."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import select

from db.bulk import bound_rows, insert_of_rows, is_one_of
from db.claims import store_outcomes
from db.database import Database
from db.tables import job, measurement, radiograph
from testbed.records import MODEL, RETRY, START, claim, measured, seen, send, submit
from testbed.tables import rows

ODD = 'Ümläut "quoted" \\ back\nslash\t☃ \U0001f9e1 {"a": [1]}'


def row(number: int, **changed: object) -> dict[str, object]:
    of = {"sha256": f"{number:064}", "format": "png", "path": "/a", "size": 2**40, "view": "PA"}
    return of | {"frames": 1, "created_at": START, "age_years": None, "patient_id": None} | changed


def write(database: Database, some: list[dict[str, object]]) -> None:
    with database.write() as connection:
        statement = insert_of_rows(connection.dialect.name, radiograph, tuple(some[0]))
        connection.execute(statement, bound_rows(connection, radiograph, some))


@pytest.mark.parametrize("age", [0.1, 1e-300, 1 / 3, 1.7976931348623157e308, None])
def test_numbers_are_stored_to_their_last_digit(database: Database, age: float | None) -> None:
    write(database, [row(1, age_years=age)])
    assert [each.age_years for each in rows(database, radiograph)] == [age]


def test_nan_and_infinity_are_stored(database: Database) -> None:
    write(database, [row(1, age_years=math.inf)])
    assert [each.age_years for each in rows(database, radiograph)] == [math.inf]


def test_texts_and_file_names_of_any_characters_are_stored(database: Database) -> None:
    path = "/archive/\udcff\udc80/ü/\U0001f9e1.png"
    write(database, [row(1, patient_id=ODD, path=path), row(2, patient_id="a\0b\udc80")])
    found = rows(database, radiograph)
    assert [each.patient_id for each in found] == [ODD, "a?b?"]
    assert [each.path for each in found] == [path, "/a"]
    assert {each.created_at for each in found} == {START}


def test_rows_are_written_in_the_order_they_are_given(database: Database) -> None:
    order = [n * 7 % 300 for n in range(300)]
    write(database, [row(n) for n in order])
    assert [int(each.sha256) for each in rows(database, radiograph)] == order


@pytest.mark.parametrize("wanted", [[], [3], [5, 3, 9999]])
def test_a_list_of_values_selects_its_rows(database: Database, wanted: list[int]) -> None:
    write(database, [row(n) for n in range(10)])
    with database.read() as connection:
        ids = is_one_of(connection, radiograph.c.id, wanted)
        found = connection.execute(select(radiograph.c.id).where(ids)).scalars().all()
    assert sorted(found) == sorted(set(wanted) & set(range(1, 11)))


def test_a_chunk_larger_than_one_statement_is_settled_completely(database: Database) -> None:
    files = [seen(n) for n in range(2500)]
    submit(database, files, chunk_size=2500)
    [chunk_id] = send(database)
    taken = claim(database, chunk_id)
    done = [measured(each, patient_id=ODD) for each in taken.jobs]
    assert store_outcomes(database, taken.owner, done, "w", RETRY, now=START) == 2500
    assert store_outcomes(database, taken.owner, done, "w", RETRY, now=START) == 0
    assert {each.state for each in rows(database, job)} == {"measured"}
    stored = rows(database, measurement)
    assert len(stored) == 2500
    assert {each.model_version for each in stored} == {MODEL}
    assert {each.patient_id for each in rows(database, radiograph)} == {ODD}
