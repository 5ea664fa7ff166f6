"""The header of a radiograph as objects may repeat it: what is malformed is corrected or left out.

| what files hold | what becomes of it |
|---|---|
| SOP class, instance or study UID absent or invalid | refused: `source-unreferable` |
| series UID absent or invalid | a UID that follows from the image's |
| PatientID absent | empty, as PS3.3 has it for an unknown patient |
| PatientID over 64 characters, multi-valued, with control characters | `patient-id-unusable` |
| AccessionNumber or StudyID over 16 characters | left out |
| other texts over 64 characters | cut |
| dates with points, times with colons | written as PS3.5 has them, else left out |
| PatientSex other than M, F, O | by its first letter, else left out |
| PatientAge without unit or zeros | written as PS3.5 has it, unless the birth date contradicts |
| character set absent, unknown or not kept to | texts are read as UTF-8 or Latin-1 |
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset

from radiograph.reading.dicom_header import dicom_header, stated_age_years
from radiograph.reading.elements import text, texts, values
from radiograph.records import Header
from results.errors import PatientIdUnusable, SourceUnreferable
from results.objects.display import Display, display_of
from results.objects.identity import Identity, IdentityLevel
from results.objects.uids import is_uid, missing_series_uid

#: Characters of VR SH, LO and of each part of PN.
_SHORT, _LONG = 16, 64
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2})[:.]?(?:(\d{2})[:.]?(?:(\d{2})(?:\.(\d{1,6}))?)?)?", re.ASCII)
_AGE = re.compile(r"(\d{1,3})\s*([DWMY]?)", re.ASCII | re.IGNORECASE)
#: Older than that is an identifier where patients are not named (45 CFR 164.514).
_OLDEST_SHOWN = 90
#: Control characters, and halves of characters that no character set holds.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: SOP classes of images by their modality, for files that leave theirs out.
_CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
}


class Treatment(StrEnum):
    """What became of a value that an object cannot repeat as it is."""

    CORRECTED = "corrected"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class SourceHeader:
    """What objects repeat of a radiograph's header; absent texts are empty, as in DICOM.

    Patient, study and UIDs are as the destination's identity level has them. ``repairs``: what
    became of elements, by their keywords; of the values it says nothing.
    """

    level: IdentityLevel
    modality: str
    rows: int
    columns: int
    frames: int
    patient_name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    age: str
    study_uid: str
    study_date: str
    study_time: str
    physician: str
    study_id: str
    accession: str
    study_description: str
    series_uid: str
    sop_class: str
    sop_uid: str
    burned_in: str
    lossy: bool
    display: Display
    repairs: tuple[tuple[str, Treatment], ...]

    @property
    def words(self) -> str:
        """Every text in which letters beyond ASCII may stand."""
        return "".join(
            (
                *(self.patient_name, self.patient_id, self.issuer, self.physician),
                *(self.study_id, self.accession, self.study_description),
            )
        )


def source_header(dataset: Dataset, identity: Identity) -> SourceHeader:
    """Return what may be repeated of the header of a radiograph.

    ``dataset``: its elements, without pixels, as `source_dataset` reads them.
    Raises SourceUnreferable, PatientIdUnusable.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's words about an element hold its value
        return _Repairs(dataset, identity).header()


class _Repairs:
    """Reads one element after another, and notes what became of those that are malformed."""

    def __init__(self, dataset: Dataset, identity: Identity) -> None:
        self._dataset = dataset
        self._identity = identity
        self._noted: dict[str, Treatment] = {}
        said = [each for each in texts(dataset, "SpecificCharacterSet") if each]
        self._declared = bool(said) and all(each in python_encoding for each in said)

    def header(self) -> SourceHeader:
        """Return the header. Raises SourceUnreferable, PatientIdUnusable."""
        identity, dataset = self._identity, self._dataset
        found = dicom_header(dataset, None)
        full = identity.in_full
        image = self._needed_uid("SOPInstanceUID")
        study = self._needed_uid("StudyInstanceUID")
        series = self._series(image)
        known = identity.level is not IdentityLevel.NONE
        return SourceHeader(
            level=identity.level,
            modality=found.modality or "",
            rows=found.rows,
            columns=found.columns,
            frames=found.frames,
            patient_name=self._name("PatientName") if full else "",
            patient_id=self._patient_id() if full else identity.patient(found.patient_id),
            issuer=self._text("IssuerOfPatientID") if full else "",
            birth_date=self._date("PatientBirthDate") if full else "",
            sex=self._sex(found) if known else "",
            age=self._age() if known else "",
            study_uid=identity.study_uid(study, image),
            study_date=self._date("StudyDate") if full else "",
            study_time=self._time("StudyTime") if full else "",
            physician=self._name("ReferringPhysicianName") if full else "",
            study_id=self._short("StudyID") if full else "",
            accession=self._short("AccessionNumber")
            if full
            else identity.accession(found.accession),
            study_description=self._text("StudyDescription") if full else "",
            series_uid=identity.series_uid(series, image),
            sop_class=self._sop_class(found),
            sop_uid=identity.uid(image),
            burned_in=self._burned_in(),
            lossy=text(dataset, "LossyImageCompression") == "01",
            display=display_of(dataset),
            repairs=tuple(sorted(self._noted.items())),
        )

    # ---- texts ----------------------------------------------------------------------------

    def _raw(self, keyword: str) -> list[str]:
        """Return every value, read in the character set that the bytes are in."""
        found = [str(each) for each in values(self._dataset, keyword)]
        if self._declared or all(each.isascii() for each in found):
            return found
        self._noted[keyword] = Treatment.CORRECTED
        return [_undeclared(each) for each in found]

    def _text(self, keyword: str, longest: int = _LONG) -> str:
        """Return a text of one value, cut where it is too long."""
        raw = self._raw(keyword)
        plain = [_CONTROL.sub("", each).strip() for each in raw]
        if len(raw) > 1:
            return self._none(keyword)
        value = plain[0] if plain else ""
        if len(value) > longest:
            value = self._corrected(keyword, value[:longest].strip())
        elif raw and value != raw[0].strip(" \0"):
            self._noted[keyword] = Treatment.CORRECTED
        return value

    def _short(self, keyword: str) -> str:
        """Return a number of VR SH; one that is too long would be another's when it is cut."""
        value = self._text(keyword, _LONG)
        return value if len(value) <= _SHORT else self._none(keyword)

    def _name(self, keyword: str) -> str:
        """Return a name: up to three groups of five components (PS3.5 6.2.1)."""
        raw = [_CONTROL.sub("", each).strip() for each in self._raw(keyword)]
        if len(raw) > 1:
            return self._none(keyword)
        groups = [
            "^".join(group.split("^")[:5])[:_LONG].strip()
            for group in (raw[0] if raw else "").split("=")[:3]
        ]
        value = "=".join(groups).rstrip("=")
        return self._corrected(keyword, value) if raw and value != raw[0].rstrip("=") else value

    def _patient_id(self) -> str:
        """Return the PatientID; to cut or to clean it might make another patient's of it."""
        raw = [each.strip(" \0") for each in self._raw("PatientID")]
        if not any(raw):
            return ""
        if len(raw) > 1 or len(raw[0]) > _LONG or _CONTROL.search(raw[0]):
            raise PatientIdUnusable
        return raw[0]

    def _sex(self, found: Header) -> str:
        said = text(self._dataset, "PatientSex") or ""
        if said == (found.sex or ""):
            return said
        return self._corrected("PatientSex", found.sex) if found.sex else self._none("PatientSex")

    def _age(self) -> str:
        """Return PatientAge as nnnD, nnnW, nnnM or nnnY; a number alone counts years."""
        said = text(self._dataset, "PatientAge") or ""
        match, years = _AGE.fullmatch(said), stated_age_years(self._dataset)
        if match is None or years is None:
            return self._none("PatientAge") if said else ""
        value = f"{int(match[1]):03}{match[2].upper() or 'Y'}"
        if not self._identity.in_full and years >= _OLDEST_SHOWN:
            value = f"{_OLDEST_SHOWN:03}Y"
        return value if value == said else self._corrected("PatientAge", value)

    # ---- dates, times, UIDs ---------------------------------------------------------------

    def _date(self, keyword: str) -> str:
        said = text(self._dataset, keyword) or ""
        match = _DATE.fullmatch(said)
        try:
            value = match and date(*map(int, match.groups())).isoformat().replace("-", "")
        except ValueError:
            value = None
        return self._kept(keyword, said, value or "")

    def _time(self, keyword: str) -> str:
        said = text(self._dataset, keyword) or ""
        match = _TIME.fullmatch(said)
        parts = [each for each in match.groups() if each] if match else []
        # PS3.5 6.2, VR TM: a 60th second is a leap second, which none of these is.
        sound = all(int(part) < most for part, most in zip(parts, (24, 60, 60), strict=False))
        value = "".join(parts[:3]) + "".join(f".{part}" for part in parts[3:]) if sound else ""
        return self._kept(keyword, said, value)

    def _needed_uid(self, keyword: str) -> str:
        value = text(self._dataset, keyword) or ""
        if not is_uid(value):
            raise SourceUnreferable.because(f"{keyword} is {'invalid' if value else 'missing'}")
        return value

    def _series(self, image: str) -> str:
        value = text(self._dataset, "SeriesInstanceUID") or ""
        if is_uid(value):
            return value
        return self._corrected("SeriesInstanceUID", missing_series_uid(image))

    def _sop_class(self, found: Header) -> str:
        value = text(self._dataset, "SOPClassUID") or ""
        if not value and found.modality in _CLASSES:
            return self._corrected("SOPClassUID", _CLASSES[found.modality])
        return self._needed_uid("SOPClassUID")

    def _burned_in(self) -> str:
        said = (text(self._dataset, "BurnedInAnnotation") or "").upper()
        return said if said in {"YES", "NO"} else ""

    # ---- what became of it ----------------------------------------------------------------

    def _kept(self, keyword: str, said: str, value: str) -> str:
        if value == said:
            return value
        return self._corrected(keyword, value) if value else self._none(keyword)

    def _corrected(self, keyword: str, value: str) -> str:
        self._noted[keyword] = Treatment.CORRECTED
        return value

    def _none(self, keyword: str) -> str:
        self._noted[keyword] = Treatment.LEFT_OUT
        return ""


def _undeclared(value: str) -> str:
    """Return a text of which no character set was told; pydicom has read it as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
