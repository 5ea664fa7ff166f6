"""The header of a study, from a DICOM data set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from pydicom.dataset import Dataset

from radiograph.reading.elements import text, whole_number
from radiograph.reading.spacing import pixel_spacing
from radiograph.reading.view import read_view
from radiograph.records import Header, ImageFormat, ReadingNote

#: An age above this is mistyped or made up.
_OLDEST_YEARS = 120.0
#: PS3.5 6.2, VR AS. Many archives omit the unit and mean years.
_AGE = re.compile(r"(\d{1,3})\s*([DWMY]?)", re.IGNORECASE)
_UNITS_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0, "": 1.0}
#: Years by which an age may differ from the birth date: because of rounding, a late examination,
#: or a birth date of which only the year is true.
_SLACK_YEARS = {"D": 0.1, "W": 0.1, "M": 0.25, "Y": 1.5, "": 1.5}
#: PS3.5 6.2, VR DA, and the ACR-NEMA form with full stops.
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
#: Earlier dates come from de-identification and empty forms: 19010101, 19000101.
_FIRST_YEAR = 1910
#: Birth dates written by empty forms and de-identification.
_PLACEHOLDER_BIRTHS = frozenset({date(1900, 1, 1), date(1901, 1, 1)})
#: Four times the maximum of the longest of these VRs (PS3.5 6.2: LO, UI). Anything longer is not an
#: identifier or code, and databases cannot index it; truncation could make two patients one.
_LONGEST = 256
_SEXES = frozenset({"M", "F", "O"})


def dicom_header(dataset: Dataset, transfer_syntax: str | None) -> Header:
    """Return the header; invalid elements are absent from it, never an error."""
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
        reading_note=" ".join(sorted(_notes(dataset))) or None,
    )


def _notes(dataset: Dataset) -> Iterator[ReadingNote]:
    if ages_contradict(dataset):
        yield ReadingNote.AGE_CONTRADICTS_BIRTH_DATE
    if may_show_text(dataset):
        yield ReadingNote.BURNED_IN_TEXT


def may_show_text(dataset: Dataset) -> bool:
    """Return whether the header says that the pixels may name the patient.

    It says so itself, or that the image is a digitised film (ConversionType DF), whose label is in
    the picture; BurnedInAnnotation NO outweighs the latter.
    """
    stated = (text(dataset, "BurnedInAnnotation") or "").upper()
    if stated in {"YES", "NO"}:
        return stated == "YES"
    return (text(dataset, "ConversionType") or "").upper() == "DF"


def _word(dataset: Dataset, keyword: str) -> str | None:
    """Return an identifier or a code; None if it is too long for one."""
    found = text(dataset, keyword)
    return found if found is not None and len(found) <= _LONGEST else None


def study_date(dataset: Dataset) -> date | None:
    """Return the study date; files converted from ACR-NEMA have only an acquisition date."""
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
    """Return the age in years, by PatientAge or the birth date; None if absent or implausible.

    If the two contradict each other the age is None: one of them may be that of a newborn, who has
    another ICT threshold.
    """
    if ages_contradict(dataset):
        return None
    stated = _stated_age(dataset)
    return stated[0] if stated is not None else _age_since_birth(dataset)


def stated_age_years(dataset: Dataset) -> float | None:
    """Return PatientAge in years; None if absent, impossible or other than that since birth."""
    stated = _stated_age(dataset)
    return None if stated is None or ages_contradict(dataset) else stated[0]


def ages_contradict(dataset: Dataset) -> bool:
    """Return whether PatientAge and PatientBirthDate contradict each other."""
    stated, since_birth = _stated_age(dataset), _years_since_birth(dataset)
    return (
        stated is not None and since_birth is not None and abs(stated[0] - since_birth) > stated[1]
    )


def _age_since_birth(dataset: Dataset) -> float | None:
    years = _years_since_birth(dataset)
    return years if years is not None and 0 <= years <= _OLDEST_YEARS else None


def _years_since_birth(dataset: Dataset) -> float | None:
    """Return the years from birth to the study; None if the birth date is absent or invalid."""
    studied = study_date(dataset)
    found = _DATE.match(text(dataset, "PatientBirthDate") or "")
    if studied is None or found is None:
        return None
    try:
        born = date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
    return None if born in _PLACEHOLDER_BIRTHS else (studied - born).days / 365.25


def _stated_age(dataset: Dataset) -> tuple[float, float] | None:
    """Return PatientAge in years, and its tolerance in years."""
    found = _AGE.fullmatch(text(dataset, "PatientAge") or "")
    if found is None:
        return None
    number, unit = int(found[1]), found[2].upper()
    if number == 0 and unit in {"", "Y"}:
        return None  # written for an unknown age; the age of newborns is in days
    years = number / _UNITS_PER_YEAR[unit]
    return (years, _SLACK_YEARS[unit]) if years <= _OLDEST_YEARS else None
