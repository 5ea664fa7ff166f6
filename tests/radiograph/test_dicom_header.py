"""Headers of real files: invalid elements are absent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pydicom import config
from pydicom.dataset import Dataset

from radiograph.image import Radiograph
from radiograph.reading.dicom_header import dicom_header
from radiograph.reading.elements import text, whole_number
from radiograph.records import SpacingSource, View
from testbed.dicom_files import RAMP, make_dicom

Reading = Callable[..., Radiograph]


def data_set(**elements: Any) -> Dataset:
    """Return a data set with values that are not validated."""
    dataset = Dataset()
    dataset.Rows, dataset.Columns = 2000, 1500
    with config.disable_value_validation():
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("written", "years"),
    [
        ("043Y", 43.0),
        ("43", 43.0),
        ("43Y", 43.0),
        ("043y", 43.0),
        ("006M", 0.5),
        ("010D", 10 / 365.25),
        ("004W", 28 / 365.25),
        ("000Y", None),
        ("0", None),
        ("000D", 0.0),
        ("155", None),
        ("155Y", None),
        ("", None),
        ("unknown", None),
        ("-1Y", None),
        ("4.5", None),
    ],
)
def test_an_age_is_read_in_years(written: str, years: float | None) -> None:
    found = dicom_header(data_set(PatientAge=written), None).age_years
    assert found == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("born", "studied", "stated", "years"),
    [
        ("20191101", "20200101", "", 61 / 365.25),
        ("19600229", "20200229", "000Y", 60.0),
        ("19600229", "20200229", "059Y", 59.0),  # PatientAge takes precedence
        ("19600229", "20200229", "043Y", None),
        ("19600101", "20200102", "000D", None),
        ("18800101", "20200102", "000D", None),
        ("20191201", "20200102", "000D", 0.0),
        ("20191201", "20200102", "012M", None),
        ("20190101", "20200102", "010M", 10 / 12),
        ("19000101", "20200102", "000D", 0.0),
        ("20210101", "20200102", "000D", None),
        ("20200101", "20200101", "", 0.0),
        ("20200102", "20200101", "", None),
        ("19000101", "20000101", "", None),
        ("18900505", "20200101", "", None),
        ("1960", "20200101", "", None),
        ("19601301", "20200101", "", None),
        ("19600101", "", "", None),
    ],
)
def test_a_missing_age_is_computed_from_the_birth_date(
    born: str, studied: str, stated: str, years: float | None
) -> None:
    dataset = data_set(PatientBirthDate=born, StudyDate=studied, PatientAge=stated)
    found = dicom_header(dataset, None).age_years
    assert found == (None if years is None else pytest.approx(years, abs=1e-3))


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "PA"}, View.PA),
        ({"ViewPosition": "ap"}, View.AP),
        ({"ViewPosition": "AP SUPINE"}, View.AP),
        ({"ViewPosition": "LL"}, View.LATERAL),
        ({"ViewPosition": "RL"}, View.LATERAL),
        ({"ViewPosition": "LATERAL"}, View.LATERAL),
        ({"ViewPosition": "LAT"}, View.LATERAL),
        ({"ViewPosition": "LLD"}, View.LATERAL),
        ({"ViewPosition": ["PA", ""]}, View.PA),
        ({"ViewPosition": ""}, View.UNKNOWN),
        ({"ViewPosition": "antero-posterior"}, View.AP),
        ({"SeriesDescription": "view: PA"}, View.PA),
        ({"SeriesDescription": "W034 Chest_lat."}, View.LATERAL),
        ({"StudyDescription": "CHEST AP PORTABLE"}, View.AP),
        ({"StudyDescription": "CHEST PA AND LATERAL"}, View.UNKNOWN),
        ({"StudyDescription": "XR CHEST FRONTAL AND LATERAL"}, View.UNKNOWN),
        ({"StudyDescription": "CHEST 2 VIEWS, LAT"}, View.UNKNOWN),
        ({"StudyDescription": "RX TORAX FRENTE Y PERFIL"}, View.UNKNOWN),
        ({"StudyDescription": "THORAX FACE ET PROFIL"}, View.UNKNOWN),
        ({"StudyDescription": "CHEST LATERAL"}, View.LATERAL),
        ({"StudyDescription": "THORAX BILATERAL APPARATUS PAIN"}, View.UNKNOWN),
        ({"StudyDescription": "LL leg"}, View.UNKNOWN),
        ({"ViewPosition": "PA", "StudyDescription": "CHEST LATERAL"}, View.PA),
        ({"SeriesDescription": "PA", "StudyDescription": "CHEST PA AND LATERAL"}, View.PA),
        ({"PatientOrientation": ["A", "F"]}, View.LATERAL),
    ],
)
def test_a_view_is_read_from_whole_words(elements: dict[str, Any], view: View) -> None:
    assert dicom_header(data_set(**elements), None).view is view


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("399348003", View.AP),
        ("R-10206", View.AP),
        ("272479007", View.PA),
        ("R-10214", View.PA),
        ("399173006", View.LATERAL),
        ("R-10232", View.LATERAL),
        ("0", View.UNKNOWN),
    ],
)
def test_a_view_is_read_from_its_code(code: str, view: View) -> None:
    dataset = data_set(ViewCodeSequence=[data_set(CodeValue=code)])
    assert dicom_header(dataset, None).view is view


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"StudyDate": "20040826"}, date(2004, 8, 26)),
        ({"StudyDate": "1993.02.24"}, date(1993, 2, 24)),
        ({"StudyDate": "", "AcquisitionDate": "19930224"}, date(1993, 2, 24)),
        ({"StudyDate": "20041345", "SeriesDate": "20041213"}, date(2004, 12, 13)),
        ({"StudyDate": "19010101"}, None),
        ({"StudyDate": "yesterday"}, None),
        ({}, None),
    ],
)
def test_a_date_is_read(elements: dict[str, str], day: date | None) -> None:
    assert dicom_header(data_set(**elements), None).study_date == day


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3, SpacingSource.PIXEL_SPACING)),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3, SpacingSource.IMAGER_PIXEL_SPACING)),
        (
            {"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.1, 0.1]},
            (0.1, 0.1, SpacingSource.IMAGER_PIXEL_SPACING),
        ),
        ({"PixelSpacing": [0, 0]}, None),
        ({"PixelSpacing": [-0.2, 0.2]}, None),
        ({"PixelSpacing": [0.001, 0.001]}, None),
        ({"PixelSpacing": [143, 143]}, None),
        ({"PixelSpacing": [1, 1]}, None),
        ({"PixelSpacing": [0.2]}, None),
        ({"PixelSpacing": ""}, None),
    ],
)
def test_a_plausible_spacing_is_read(
    elements: dict[str, Any], expected: tuple[float, float, SpacingSource] | None
) -> None:
    spacing = dicom_header(data_set(**elements), None).spacing
    found = None if spacing is None else (spacing.row_mm, spacing.column_mm, spacing.source)
    assert found == expected


def test_empty_elements_are_none_and_never_empty_strings() -> None:
    keywords = ("PatientID", "AccessionNumber", "Modality", "BodyPartExamined", "PatientSex")
    header = dicom_header(data_set(**dict.fromkeys(keywords, "")), None)
    found = (header.patient_id, header.accession, header.modality, header.body_part, header.sex)
    assert found == (None,) * 5


def test_an_invalid_element_does_not_affect_others() -> None:
    dataset = data_set(
        PatientID="ID\x00-7\x1b",
        Modality=["", "cr"],
        PatientSex="female",
        AccessionNumber=["A", "B"],
    )
    header = dicom_header(dataset, None)
    assert (header.patient_id, header.modality) == ("ID-7", "CR")
    assert (header.sex, header.accession) == ("F", "A")


def test_values_that_are_not_numbers_are_absent(reading: Reading) -> None:
    data = make_dicom(RAMP, WindowCenter="1500", WindowWidth="3000", PixelSpacing=["0.25", "0.25"])
    spoilt = data.replace(b"1500", b"15,0").replace(b"0.25\\0.25", b"0.25\\zero")
    read = reading(spoilt)
    assert read.header.spacing is None
    assert read.header.patient_id == "ID-1"


def test_text_in_an_unknown_character_set_is_still_read(reading: Reading) -> None:
    data = make_dicom(RAMP, SpecificCharacterSet="ISO_IR 100", AccessionNumber="M\xfcller")
    spoilt = data.replace(b"ISO_IR 100", b"ISO_QQ 999")
    assert (reading(spoilt).header.accession or "").startswith("M")


def test_invalid_numbers_are_absent() -> None:
    assert whole_number(data_set(NumberOfFrames="1.5"), "NumberOfFrames") is None
    assert text(data_set(PatientID=None), "PatientID") is None


@pytest.mark.parametrize(
    ("written", "frames"),
    [("2147483647", 2147483647), ("2147483648", 1), ("99999999999999999999", 1), ("-5", 1)],
)
def test_a_count_too_large_for_the_database_is_absent(written: str, frames: int) -> None:
    assert dicom_header(data_set(NumberOfFrames=written), None).frames == frames


@pytest.mark.parametrize(
    ("keyword", "field"),
    [
        ("StudyInstanceUID", "study_uid"),
        ("SeriesInstanceUID", "series_uid"),
        ("SOPInstanceUID", "sop_uid"),
        ("PatientID", "patient_id"),
        ("AccessionNumber", "accession"),
        ("Modality", "modality"),
        ("BodyPartExamined", "body_part"),
        ("PhotometricInterpretation", "photometric"),
    ],
)
def test_a_text_too_long_for_an_identifier_is_absent(keyword: str, field: str) -> None:
    for length, kept in ((256, True), (257, False), (60_000, False)):
        header = dicom_header(data_set(**{keyword: "1" * length}), "1.2")
        assert getattr(header, field) == ("1" * length if kept else None)
