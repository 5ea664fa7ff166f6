"""What becomes of what is missing or malformed in a radiograph's header."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from radiograph.reading.source import source_dataset
from results.errors import PatientIdUnusable, SourceUnreferable
from results.objects.header import SourceHeader, Treatment, source_header
from results.objects.identity import Identity, IdentityLevel
from results.objects.uids import is_uid
from testbed.dicom_files import RAMP, make_dicom
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.made import identity, objects
from tests.results.objects.real import LARGEST, RealArchive

LEFT_OUT, CORRECTED = Treatment.LEFT_OUT, Treatment.CORRECTED


def read(**changed: bytes | None) -> SourceHeader:
    return source_header(dataset(**changed), Identity())


def dataset(**changed: bytes | None) -> Dataset:
    return source_dataset(encoded_header(changed), LARGEST)


def test_a_sound_header_is_repeated_as_it_is() -> None:
    found = read()
    assert found.repairs == ()
    assert (found.patient_name, found.patient_id) == ("Grzeskowiak^Anna", "PID-5543219")
    assert (found.sex, found.age, found.birth_date) == ("F", "062Y", "19620313")
    assert (found.study_date, found.study_time) == ("20240517", "081530")
    assert (found.accession, found.study_id) == ("ACC-77231", "STUDY-90817")
    assert found.study_uid == "1.2.826.0.1.3680043.8.498.1002"
    assert found.series_uid == "1.2.826.0.1.3680043.8.498.1003"


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID"])
@pytest.mark.parametrize("value", [None, b"", b"1.2.03", b"1..2", b"no UID", b"1." + b"2" * 63])
def test_an_image_that_has_no_valid_uid_is_refused(keyword: str, value: bytes | None) -> None:
    with pytest.raises(SourceUnreferable, match=keyword) as caught:
        read(**{keyword: value})
    assert caught.value.permanent
    assert value is None or not value or value.decode() not in str(caught.value)


def test_a_missing_sop_class_is_told_from_the_modality_or_refused() -> None:
    found = read(SOPClassUID=None, Modality=b"DX")
    assert found.sop_class == "1.2.840.10008.5.1.4.1.1.1.1"
    assert ("SOPClassUID", CORRECTED) in found.repairs
    with pytest.raises(SourceUnreferable, match="SOPClassUID"):
        read(SOPClassUID=None, Modality=b"OT")


@pytest.mark.parametrize("value", [None, b"", b"1.2.x"])
def test_a_missing_series_uid_is_made_up_from_the_image_and_the_same_each_time(
    value: bytes | None,
) -> None:
    found = read(SeriesInstanceUID=value)
    assert is_uid(found.series_uid)
    assert found.series_uid == read(SeriesInstanceUID=value).series_uid
    other = read(SeriesInstanceUID=value, SOPInstanceUID=b"1.2.3.4")
    assert found.series_uid != other.series_uid
    assert ("SeriesInstanceUID", CORRECTED) in found.repairs


@pytest.mark.parametrize(
    ("keyword", "field", "value", "becomes", "treatment"),
    [
        ("PatientID", "patient_id", None, "", None),
        ("PatientID", "patient_id", b"", "", None),
        ("PatientID", "patient_id", b"x" * 64, "x" * 64, None),
        ("PatientSex", "sex", b"m", "M", CORRECTED),
        ("PatientSex", "sex", b"FEMALE", "F", CORRECTED),
        ("PatientSex", "sex", b"U", "", LEFT_OUT),
        ("PatientSex", "sex", None, "", None),
        ("PatientAge", "age", b"62", "062Y", CORRECTED),
        ("PatientAge", "age", b"62Y", "062Y", CORRECTED),
        ("PatientAge", "age", b"000Y", "", LEFT_OUT),
        ("PatientAge", "age", b"155", "", LEFT_OUT),
        ("PatientAge", "age", b"005D", "", LEFT_OUT),  # and born 62 years earlier
        ("AccessionNumber", "accession", b"1" * 17, "", LEFT_OUT),
        ("AccessionNumber", "accession", b"1" * 16, "1" * 16, None),
        ("StudyID", "study_id", b"1" * 17, "", LEFT_OUT),
        ("StudyDate", "study_date", b"2024.05.17", "20240517", CORRECTED),
        ("StudyDate", "study_date", b"2024-05-17", "20240517", CORRECTED),
        ("StudyDate", "study_date", b"20240230", "", LEFT_OUT),
        ("StudyDate", "study_date", b"unknown", "", LEFT_OUT),
        ("PatientBirthDate", "birth_date", b"1962.03.13", "19620313", CORRECTED),
        ("StudyTime", "study_time", b"08:15:30", "081530", CORRECTED),
        ("StudyTime", "study_time", b"0815", "0815", None),
        ("StudyTime", "study_time", b"081530.25", "081530.25", None),
        ("StudyTime", "study_time", b"251530", "", LEFT_OUT),
        ("StudyDescription", "study_description", b"x" * 70, "x" * 64, CORRECTED),
        ("StudyDescription", "study_description", b"a\\b", "", LEFT_OUT),
        ("StudyDescription", "study_description", b"a\x07b", "ab", CORRECTED),
        ("PatientName", "patient_name", b"x" * 70, "x" * 64, CORRECTED),
        ("PatientName", "patient_name", b"a^b^c^d^e^f", "a^b^c^d^e", CORRECTED),
        ("ReferringPhysicianName", "physician", b"a\\b", "", LEFT_OUT),
    ],
)
def test_a_malformed_element_is_corrected_or_left_out(
    keyword: str, field: str, value: bytes | None, becomes: str, treatment: Treatment | None
) -> None:
    found = read(**{keyword: value})
    assert getattr(found, field) == becomes
    assert dict(found.repairs).get(keyword) is treatment


@pytest.mark.parametrize("value", [b"x" * 65, b"12\\34", b"12\x0134"])
def test_a_patient_id_that_dicom_cannot_hold_is_refused_but_its_hash_is_not(value: bytes) -> None:
    with pytest.raises(PatientIdUnusable) as caught:
        read(PatientID=value)
    assert value.decode() not in str(caught.value)
    hashed = source_header(dataset(PatientID=value), identity(IdentityLevel.HASHED))
    assert len(hashed.patient_id) == 32
    assert source_header(dataset(PatientID=value), identity(IdentityLevel.NONE)).patient_id == ""


@pytest.mark.parametrize(
    ("declared", "written", "name", "declares"),
    [
        (None, b"M\xfcller^J\xf6rg", "Müller^Jörg", "ISO_IR 100"),  # undeclared Latin-1
        (b"", "Müller^Jörg".encode(), "Müller^Jörg", "ISO_IR 100"),  # undeclared UTF-8
        (b"ISO_IR 999", "Müller^Jörg".encode(), "Müller^Jörg", "ISO_IR 100"),
        (b"ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg", "ISO_IR 100"),
        (b"ISO_IR 144", "Лидия".encode("iso8859-5"), "Лидия", "ISO_IR 192"),
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
            "ISO_IR 192",
        ),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou", "Yamada^Tarou", None),
    ],
)
def test_names_are_read_in_the_character_set_that_they_are_in(
    declared: bytes | None, written: bytes, name: str, declares: str | None
) -> None:
    source = dataset(SpecificCharacterSet=declared, PatientName=written)
    for made in objects(findings(source), source).values():
        assert made.PatientName == name
        assert made.get("SpecificCharacterSet") == declares


def test_a_spacing_of_zero_gives_widths_in_pixels() -> None:
    source = dataset(PixelSpacing=b"0.000\\0.000")
    made = objects(findings(source), source)
    units = {
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue
        for group in made["report"].ContentSequence[-1].ContentSequence[1:3]
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }
    assert units == {"{pixels}"}
    [area] = made["presentation"].DisplayedAreaSelectionSequence
    assert "PresentationPixelSpacing" not in area
    assert area.PresentationPixelAspectRatio == [1, 1]


def test_a_missing_laterality_is_not_needed() -> None:
    source = dataset(BodyPartExamined=None)
    made = objects(findings(source), source)
    assert {made[kind].BodyPartExamined for kind in ("presentation", "capture")} == {"CHEST"}


def test_what_the_real_files_hold_is_repaired(real_archive: RealArchive) -> None:
    repairs = {
        each.path.name: dict(source_header(each.source, Identity()).repairs)
        for each in real_archive.files
        if each.path.name.startswith("chest_")
    }
    assert repairs["chest_pa_jpeg_baseline_8bit.dcm"] == {"PatientAge": CORRECTED}
    assert repairs["chest_no_preamble_implicit_le_mono1_10bit.dcm"] == {}
    assert repairs["chest_pa_monochrome1_j2k.dcm"] == {}


def test_every_code_of_a_refusal_is_told_without_the_value() -> None:
    made: list[Any] = []
    for changed in ({"StudyInstanceUID": "not.a.UID"}, {"PatientID": "x" * 80}):
        source = source_dataset(make_dicom(RAMP, StudyInstanceUID="1.2.3"), LARGEST)
        for keyword, value in changed.items():
            source[keyword]._value = value
            with pytest.raises((SourceUnreferable, PatientIdUnusable)) as caught:
                source_header(source, Identity())
            made.append(caught.value.code)
            assert value not in str(caught.value)
    assert made == ["source-unreferable", "patient-id-unusable"]
