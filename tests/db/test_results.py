"""Reading results by every filter, and how each file ended."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from db.database import Database
from db.errors import BatchUnknown, ModelUnknown, StudyUnknown
from db.query.results import count_results, file_outcomes, find_results
from db.records import FileOutcome, ResultFilter
from db.states import JobState
from radiograph.records import Bucket
from testbed.records import (
    BROKEN,
    LATERAL,
    MODEL,
    START,
    claim,
    content,
    measured,
    measurement,
    refused,
    refusing,
    seen,
    send,
    store,
    submit,
)

#: ICT, enlarged, bucket, study date and patient of the contents 0 to 5.
STUDIES = (
    (0.42, False, Bucket.EXCELLENT, date(2024, 1, 1), "ada"),
    (0.48, False, Bucket.VERY_GOOD, date(2024, 6, 1), "ada"),
    (0.50, False, Bucket.GOOD, date(2025, 1, 1), "ada"),
    (0.55, True, Bucket.GOOD, date(2025, 6, 1), "ben"),
    (0.66, True, Bucket.REVIEW, None, "ben"),
    (None, None, Bucket.UNRATED, None, None),
)


@pytest.fixture(scope="module")
def archive(module_database: Database) -> Database:
    """Return a database of either kind with six studies."""
    fill(module_database)
    return module_database


def fill(database: Database) -> None:
    """Measure six studies, a minute apart, the last two in a second batch."""
    submit(database, [seen(number) for number in range(4)], chunk_size=1)
    submit(database, [seen(4), seen(5), seen(0, path="/copy")], name="again", chunk_size=1)
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        (job,) = taken.jobs
        number = int(job.paths[0].removeprefix("/archive/").removesuffix(".dcm"))
        ict, enlarged, bucket, studied, patient = STUDIES[number]
        outcome = measured(
            job,
            measurement(ict=ict, enlarged=enlarged, bucket=bucket),
            study_uid=f"1.2.{number}",
            sop_uid=f"1.2.{number}.9",
            study_date=studied,
            patient_id=patient,
        )
        store(database, taken, [outcome], now=START + timedelta(minutes=number))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"limit": 2}, [0, 1]),
        ({"batch": "night"}, [0, 1, 2, 3]),
        ({"batch": "again"}, [0, 4, 5]),  # including a copy of the other batch's content
        ({"bucket": Bucket.GOOD}, [2, 3]),
        ({"ict_above": 0.50}, [3, 4]),
        ({"ict_below": 0.50}, [0, 1]),
        ({"enlarged": True}, [3, 4]),
        ({"enlarged": False}, [0, 1, 2]),
        ({"since": START + timedelta(minutes=3)}, [3, 4, 5]),
        ({"until": START + timedelta(minutes=3)}, [0, 1, 2]),
        ({"study_date_from": date(2024, 6, 1)}, [1, 2, 3]),
        ({"study_date_to": date(2024, 6, 1)}, [0, 1]),
        ({"patient": "ada"}, [0, 1, 2]),
        ({"patient": "nobody"}, []),
        ({"model": MODEL}, [0, 1, 2, 3, 4, 5]),
        ({"study": "1.2.3"}, [3]),
        ({"study": "1.2.3.9"}, [3]),
        ({"study": content(3)}, [3]),
        ({"study": content(3)[:8].upper()}, [3]),
        ({"study": "/archive/3.dcm"}, [3]),
        ({"study": "/copy"}, [0]),
        ({"patient": "ben", "ict_above": 0.6, "bucket": Bucket.REVIEW}, [4]),
    ],
)
def test_a_filter_selects_results(
    archive: Database, wanted: dict[str, Any], found: list[int]
) -> None:
    results = list(find_results(archive, ResultFilter(**wanted)))
    assert [result.header.study_uid for result in results] == [f"1.2.{each}" for each in found]
    assert count_results(archive, ResultFilter(**wanted)) == len(found)


def test_a_study_is_found_by_its_uid_and_ids(archive: Database) -> None:
    for result in list(find_results(archive, ResultFilter())):
        (same,) = find_results(archive, ResultFilter(study=str(result.radiograph_id)))
        assert same == result


def test_unknown_names_are_reported_before_the_first_result(archive: Database) -> None:
    for study in ("9.9.9", content(99), "99999", "abc", content(3)[:7], "/no/where", "' OR 1=1"):
        with pytest.raises(StudyUnknown):
            find_results(archive, ResultFilter(study=study))
        with pytest.raises(StudyUnknown):
            file_outcomes(archive, study=study)
    with pytest.raises(BatchUnknown):
        find_results(archive, ResultFilter(batch="nigth"))
    with pytest.raises(ModelUnknown):
        find_results(archive, ResultFilter(model="lungs-0"))
    with pytest.raises(BatchUnknown):
        file_outcomes(archive, "nigth")


def test_results_are_read_while_others_write(archive: Database) -> None:
    results = find_results(archive, ResultFilter())
    first = next(results)
    submit(archive, [seen(number) for number in range(100, 140)])
    assert len([first, *results]) == len(STUDIES)


def test_more_results_than_are_fetched_at_a_time_are_in_order(database: Database) -> None:
    submit(database, [seen(number) for number in range(1100)], chunk_size=1100)
    taken = claim(database, send(database)[0])
    assert store(database, taken, [measured(job) for job in taken.jobs]) == 1100
    ids = [result.measurement_id for result in find_results(database, ResultFilter())]
    assert len(ids) == 1100
    assert ids == sorted(ids)


def test_the_outcome_of_every_file_is_listed(database: Database) -> None:
    submit(
        database,
        [seen(1), seen(2), seen(3), seen(1, path="/copy"), refused("x.txt", LATERAL)],
        chunk_size=1,
    )
    chunks = send(database)
    for chunk_id, refusal in zip(chunks, [None, BROKEN], strict=False):
        taken = claim(database, chunk_id)
        (job,) = taken.jobs
        store(database, taken, [measured(job) if refusal is None else refusing(job, refusal)])

    outcomes = list(file_outcomes(database, "night"))

    by_path = {each.path: each for each in outcomes}
    assert len(by_path) == 5
    refused_at_intake = by_path["/archive/x.txt"]
    assert refused_at_intake == FileOutcome(
        batch="night",
        path="/archive/x.txt",
        state=JobState.SET_ASIDE,
        duplicate=False,
        code="lateral-view",
        detail=LATERAL.detail,
        attempts=0,
    )
    assert by_path["/copy"].duplicate
    assert by_path["/copy"].state == by_path["/archive/1.dcm"].state
    failed = by_path["/archive/2.dcm"]
    assert (failed.state, failed.code, failed.attempts) == (
        JobState.FAILED,
        "truncated-file",
        1,
    )
    assert by_path["/archive/3.dcm"].state == JobState.QUEUED
    assert [each.path for each in file_outcomes(database, study="/archive/x.txt")] == [
        "/archive/x.txt"
    ]
