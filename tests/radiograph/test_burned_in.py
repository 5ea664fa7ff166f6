"""A warning where the header says that the pixels may name the patient."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from radiograph.reading.dicom_header import dicom_header
from radiograph.records import ReadingNote


@pytest.mark.parametrize(
    ("elements", "warned"),
    [
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "NO"}, False),
        ({"ConversionType": "DF"}, True),
        ({"ConversionType": "DF", "BurnedInAnnotation": "NO"}, False),
        ({"ConversionType": "WSD"}, False),
        ({}, False),
    ],
)
def test_burned_in_text_is_warned_about(elements: dict[str, str], *, warned: bool) -> None:
    source = Dataset()
    for keyword, value in elements.items():
        setattr(source, keyword, value)
    note = dicom_header(source, None).reading_note
    assert note == (ReadingNote.BURNED_IN_TEXT if warned else None)


def test_it_stands_beside_another_note() -> None:
    source = Dataset()
    source.BurnedInAnnotation = "YES"
    source.StudyDate, source.PatientBirthDate, source.PatientAge = "20240517", "19620313", "010Y"
    notes = dicom_header(source, None).reading_note
    assert notes == "age-contradicts-birth-date burned-in-text"
