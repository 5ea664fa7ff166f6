"""Every possible file name is stored, read unchanged, and distinct from other names."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, cast, func, select

from db import migration, schema
from db.database import Database
from db.engine import read_once
from db.intake import known_files
from db.query.conditions import parse_condition
from db.query.results import file_outcomes, find_results
from db.records import ResultFilter
from db.tables import file, radiograph, training_run
from db.training.records import NewRun
from db.training.runs import open_run
from testbed.records import measure_all, seen, submit
from testbed.tables import rows

#: The mark, the code points used for bytes, and their neighbours.
SPECIAL = [chr(0x10FF00 + number) for number in (-1, 0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xFE, 0xFF)]
PIECES = st.one_of(
    st.sampled_from(SPECIAL).map(str.encode),
    st.sampled_from([b"\x80", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x8f\xbe\x80", b"a"]),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0").map(str.encode),
    st.binary(max_size=3).map(lambda some: some.replace(b"\0", b"")),
)
PATHS = st.lists(PIECES, max_size=8).map(lambda some: os.fsdecode(b"/" + b"".join(some)))
#: Names of each kind that an older version confused with another.
MISTAKEN = [
    os.fsdecode(b"/" + name)
    for name in (
        b"\xff byte",
        "\U0010ffff itself".encode(),
        "\U0010ff00 mark".encode(),
        "\U0010ff00\U0010ff80 marked".encode(),
        b"\xfe\xff " + "\U0010ffff\U0010ff81 both".encode(),
        "\U0010ff80".encode() * 40,
        b"\x80" * 40,
    )
]


def check(database: Database, paths: list[str], number: itertools.count[int]) -> None:
    """Record files at these paths and read them back."""
    name = f"batch {next(number)}"
    files = [seen(next(number), path=path) for path in paths]
    batch = submit(database, files, name=name)
    assert [each.path for each in file_outcomes(database, batch=name)] == paths
    stats = {each.stat for each in files}
    assert known_files(database, batch.id, list(stats)) == stats


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(paths=st.lists(PATHS, min_size=1, max_size=6, unique=True))
@example(paths=MISTAKEN)
def test_names_are_read_as_stored_and_stay_distinct(database: Database, paths: list[str]) -> None:
    with database.read() as connection:
        highest = connection.execute(select(func.max(file.c.id))).scalar() or 0
    check(database, paths, itertools.count(100 * highest))


def test_every_code_point_and_every_byte_is_stored(database: Database) -> None:
    points = [chr(one) for one in range(1, 0x110000) if not 0xD800 <= one < 0xE000]
    points += [os.fsdecode(bytes([one])) for one in range(1, 0x100)]
    runs = ["/" + "".join(points[start : start + 500]) for start in range(0, len(points), 500)]
    # Alone, apart from the others.
    alone = ["/x" + one for one in [*SPECIAL, *points[-255:]]]
    check(database, list(dict.fromkeys([*runs, *alone])), itertools.count())


@pytest.mark.parametrize("path", MISTAKEN)
def test_a_file_of_any_name_is_found_by_a_condition_and_by_its_path(
    database: Database, path: str
) -> None:
    submit(database, [seen(number, path=each) for number, each in enumerate(MISTAKEN)])
    measure_all(database)
    named = ResultFilter(study=path)
    equal = ResultFilter(where=(parse_condition(f"path={path}"),))
    other = ResultFilter(where=(parse_condition(f"path!={path}"),))
    assert [each.path for each in find_results(database, named)] == [path]
    assert [each.path for each in find_results(database, equal)] == [path]
    assert path not in {each.path for each in find_results(database, other)}
    assert [each.path for each in file_outcomes(database, study=path)] == [path]


def stored(url: str, column: str) -> list[str]:
    """Return the paths as stored, under any schema."""
    with read_once(url) as connection:
        return list(
            connection.execute(select(cast(file.c[column], Text)).order_by(file.c.id)).scalars()
        )


def test_names_of_the_previous_schema_are_converted_by_their_digests_and_back(
    database: Database, database_url: str
) -> None:
    files = [seen(number, path=path) for number, path in enumerate(MISTAKEN)]
    batch = submit(database, files)
    data = os.fsdecode(b"/films\xff" + "\U0010ff00".encode())
    open_run(database, NewRun("run", data, {"seed": 1}, start=data))
    before = stored(database_url, "path")
    database.dispose()

    migration.downgrade(database_url, "0007")
    former = {0xDC00 + byte: 0x10FF00 + byte for byte in range(0x80, 0x100)}
    assert stored(database_url, "path") == [path.translate(former) for path in MISTAKEN]
    database.dispose()
    schema.upgrade(database_url)

    assert stored(database_url, "path") == before
    assert [each.path for each in rows(database, file)] == MISTAKEN
    assert {each.path for each in rows(database, radiograph)} == set(MISTAKEN)
    stats = {each.stat for each in files}
    assert known_files(database, batch.id, list(stats)) == stats
    [run] = rows(database, training_run)
    assert (run.data, run.start) == (data, data)
