"""What a DICOM header says of the study."""

from __future__ import annotations

import re
from datetime import date

from pydicom.dataset import Dataset

from radiograph.reading.elements import text, whole_number
from radiograph.reading.spacing import pixel_spacing
from radiograph.reading.view import read_view
from radiograph.records import Header, ImageFormat, ReadingNote

#: Older than anybody: an age mistyped or made up.
_OLDEST_YEARS = 120.0
#: PS3.5 6.2, VR AS. Many archives leave the unit out, and mean years.
_AGE = re.compile(r"(\d{1,3})\s*([DWMY]?)", re.IGNORECASE)
_UNITS_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0, "": 1.0}
#: By how many years an age may differ from the birth date: by its rounding, a late examination, and
#: a birth date of which the year alone is true.
_SLACK_YEARS = {"D": 0.1, "W": 0.1, "M": 0.25, "Y": 1.5, "": 1.5}
#: PS3.5 6.2, VR DA, and the form with points of ACR-NEMA.
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
#: Earlier dates are what de-identification and empty forms leave: 19010101, 19000101.
_FIRST_YEAR = 1910
#: What empty forms and de-identification leave for a date of birth.
_NO_BIRTHS = frozenset({date(1900, 1, 1), date(1901, 1, 1)})
#: Four times what the longest of these VRs may hold (PS3.5 6.2: LO, UI). What is longer is no
#: identifier and no code, and databases refuse to index it; cut, two patients might become one.
_LONGEST = 256
_SEXES = frozenset({"M", "F", "O"})


def dicom_header(dataset: Dataset, transfer_syntax: str | None) -> Header:
    """Return the header; nothing in it is worth refusing a file for."""
    modality = _word(dataset, "Modality")
    sex = (text(dataset, "PatientSex") or "").upper()[:1]
    return Header(
        format=ImageFormat.DICOM,
        rows=max(0, whole_number(dataset, "Rows") or 0),
        columns=max(0, whole_number(dataset, "Columns") or 0),
        study_uid=_word(dataset, "StudyInstanceUID"),
        series_uid=_word(dataset, "SeriesInstanceUID"),
        sop_uid=_word(dataset, "SOPInstanceUID"),
        patient_id=_word(dataset, "PatientID"),
        accession=_word(dataset, "AccessionNumber"),
        study_date=study_date(dataset),
        modality=modality.upper() if modality else None,
        body_part=_word(dataset, "BodyPartExamined"),
        view=read_view(dataset),
        age_years=age_years(dataset),
        sex=sex if sex in _SEXES else None,
        transfer_syntax=transfer_syntax[:_LONGEST] if transfer_syntax else None,
        photometric=_word(dataset, "PhotometricInterpretation"),
        bits_stored=whole_number(dataset, "BitsStored"),
        frames=max(1, whole_number(dataset, "NumberOfFrames") or 1),
        spacing=pixel_spacing(dataset),
        reading_note=ReadingNote.AGE_CONTRADICTS_BIRTH_DATE if ages_contradict(dataset) else None,
    )


def _word(dataset: Dataset, keyword: str) -> str | None:
    """Return an identifier or a code; what is too long for one is absent."""
    found = text(dataset, keyword)
    return found if found is not None and len(found) <= _LONGEST else None


def study_date(dataset: Dataset) -> date | None:
    """Return when the study was made; ACR-NEMA's heirs know only when it was acquired."""
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if found := _DATE.match(text(dataset, keyword) or ""):
            year, month, day = (int(part) for part in found.groups())
            if year < _FIRST_YEAR:
                continue
            try:
                return date(year, month, day)
            except ValueError:
                continue
    return None


def age_years(dataset: Dataset) -> float | None:
    """Return the age in years, as it stands or since birth; None where absent or no human's.

    Ages that contradict each other are no age: one of them may be a newborn's, with a line of its
    own.
    """
    if ages_contradict(dataset):
        return None
    said = _said_age(dataset)
    return said[0] if said is not None else _age_since_birth(dataset)


def said_age_years(dataset: Dataset) -> float | None:
    """Return PatientAge in years; None where absent, no human's or other than since birth."""
    said = _said_age(dataset)
    return None if said is None or ages_contradict(dataset) else said[0]


def ages_contradict(dataset: Dataset) -> bool:
    """Tell whether PatientAge and PatientBirthDate cannot be of one person."""
    said, since_birth = _said_age(dataset), _years_since_birth(dataset)
    return said is not None and since_birth is not None and abs(said[0] - since_birth) > said[1]


def _age_since_birth(dataset: Dataset) -> float | None:
    years = _years_since_birth(dataset)
    return years if years is not None and 0 <= years <= _OLDEST_YEARS else None


def _years_since_birth(dataset: Dataset) -> float | None:
    """Return the years to the day of the study, from a date of birth that is no form's default."""
    studied = study_date(dataset)
    found = _DATE.match(text(dataset, "PatientBirthDate") or "")
    if studied is None or found is None:
        return None
    try:
        born = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    return None if born in _NO_BIRTHS else (studied - born).days / 365.25


def _said_age(dataset: Dataset) -> tuple[float, float] | None:
    """Return PatientAge in years, and how far it may be from the truth."""
    found = _AGE.fullmatch(text(dataset, "PatientAge") or "")
    if found is None:
        return None
    number, unit = int(found[1]), found[2].upper()
    if number == 0 and unit in {"", "Y"}:
        return None  # what is written for an age nobody knows; newborns have days
    years = number / _UNITS_A_YEAR[unit]
    return (years, _SLACK_YEARS[unit]) if years <= _OLDEST_YEARS else None
