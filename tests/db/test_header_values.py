"""Any header can be stored, and does not affect other files."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from db.claims import store_outcomes
from db.database import Database
from db.errors import DatabaseRefused
from db.intake import open_batch
from db.records import Outcome
from db.states import Priority
from db.tables import radiograph
from radiograph.reading.dicom_header import dicom_header
from testbed.records import BROKEN, RETRY, claim, seen, send, submit
from testbed.tables import rows

CONTENTS = itertools.count()
TEXT = st.one_of(
    st.text(st.characters(), max_size=300),
    st.sampled_from(["\0", "a\0b", "\ud800", "\udcff", "\x1b[2J", "9" * 40, "1e999", "-1e308"]),
)
NUMBER = st.one_of(
    st.integers(-(2**80), 2**80),
    st.sampled_from([s * 2**p + d for s in (-1, 1) for p in (15, 31, 63) for d in (-1, 0, 1)]),
    st.floats(),
)
DATES = st.sampled_from(["00010101", "19091231", "19100101", "20240230", "99991231", "20240229"])
AGES = st.sampled_from(["999Y", "000D", "120Y", "121Y", "٤٣Y", "1e9Y", "-01Y"])
ELEMENTS = {
    **dict.fromkeys(["Rows", "Columns", "BitsStored", "NumberOfFrames"], NUMBER | TEXT),
    **dict.fromkeys(["StudyDate", "PatientBirthDate"], DATES | TEXT),
    "PatientAge": AGES | TEXT,
    "PixelSpacing": st.lists(NUMBER, min_size=2, max_size=2),
    **dict.fromkeys(
        (
            *("PatientID", "PatientSex", "AccessionNumber", "StudyInstanceUID", "SOPInstanceUID"),
            *("SeriesInstanceUID", "Modality", "BodyPartExamined", "PhotometricInterpretation"),
        ),
        TEXT,
    ),
}


class Said(Dataset):
    """A data set that returns values given by a test, as a damaged one might."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the test's value."""
        return getattr(self, "said", {}).get(key, default)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=st.fixed_dictionaries({}, optional=ELEMENTS), syntax=st.none() | TEXT)
def test_every_header_is_stored(
    database: Database, said: dict[str, Any], syntax: str | None
) -> None:
    dataset = Said()
    object.__setattr__(dataset, "said", said)
    header = dicom_header(dataset, syntax)
    number = next(CONTENTS)
    submit(database, [seen(number, path=f"/{number}")], chunk_size=1)
    taken = claim(database, send(database)[0])
    outcome = Outcome(taken.jobs[0].job_id, header, refusal=BROKEN)
    assert store_outcomes(database, taken.owner, [outcome], "w", RETRY) == 1
    stored = rows(database, radiograph)[-1]
    assert (stored.rows, stored.columns) == (header.rows, header.columns)
    assert (stored.frames, stored.bits_stored) == (header.frames, header.bits_stored)
    assert (stored.study_date, stored.age_years) == (header.study_date, header.age_years)
    if header.spacing is not None:
        assert stored.spacing_row_mm == header.spacing.row_mm


def test_a_name_too_long_for_an_index_is_refused_without_retries(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    # 20,000 characters that do not compress.
    name = "".join(chr(0x4E00 + (number**3 * 7919) % 20000) for number in range(20000))
    with pytest.raises(DatabaseRefused):
        open_batch(database, name, Priority.ROUTINE)
    database.dispose()
