"""What a DICOM header says of the study."""

from __future__ import annotations

import re
from datetime import date

from pydicom.dataset import Dataset

from radiograph.reading.elements import text, whole_number
from radiograph.reading.spacing import pixel_spacing
from radiograph.reading.view import read_view
from radiograph.records import Header, ImageFormat

#: Older than anybody: an age mistyped or made up.
_OLDEST_YEARS = 120.0
#: PS3.5 6.2, VR AS. Many archives leave the unit out, and mean years.
_AGE = re.compile(r"(\d{1,3})\s*([DWMY]?)", re.IGNORECASE)
_UNITS_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0, "": 1.0}
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
    """Return the age in years, as it stands or since birth; None where absent or no human's."""
    said = _said_age(dataset)
    return said if said is not None else _age_since_birth(dataset)


def _age_since_birth(dataset: Dataset) -> float | None:
    """Return the age on the day of the study, from a date of birth that is no form's default."""
    studied = study_date(dataset)
    found = _DATE.match(text(dataset, "PatientBirthDate") or "")
    if studied is None or found is None:
        return None
    try:
        born = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    years = (studied - born).days / 365.25
    return years if born not in _NO_BIRTHS and 0 <= years <= _OLDEST_YEARS else None


def _said_age(dataset: Dataset) -> float | None:
    found = _AGE.fullmatch(text(dataset, "PatientAge") or "")
    if found is None:
        return None
    number, unit = int(found[1]), found[2].upper()
    if number == 0 and unit in {"", "Y"}:
        return None  # what is written for an age nobody knows; newborns have days
    years = number / _UNITS_A_YEAR[unit]
    return years if years <= _OLDEST_YEARS else None
