"""What leaves of a patient's identity, in every byte of every object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from radiograph.reading.source import source_dataset
from results.errors import BurnedInIdentity
from results.objects.findings import Prior
from results.objects.header import source_header
from results.objects.identity import Identity, IdentityLevel
from results.objects.modules import file_bytes
from results.objects.secondary_capture import secondary_capture
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from testbed.findings import findings
from tests.results.objects.headers import SOUND, encoded_header
from tests.results.objects.made import DRAWING, identity, objects, resource
from tests.results.objects.real import LARGEST, RealArchive

#: What tells a patient, a visit or a place, in a header of which every such value is unique.
IDENTIFIERS: dict[str, bytes] = {
    **{
        keyword: SOUND[keyword]
        for keyword in (
            *("SOPInstanceUID", "StudyDate", "StudyTime", "AccessionNumber"),
            *("ReferringPhysicianName", "PatientName", "PatientID", "IssuerOfPatientID"),
            *("PatientBirthDate", "StudyInstanceUID", "SeriesInstanceUID", "StudyID"),
        )
    },
    "InstitutionName": b"Klinikum Hinterwald",
    "InstitutionAddress": b"Waldstrasse 17",
    "StationName": b"RAUM-4711",
    "PerformingPhysicianName": b"Querfurt^Ole",
    "OperatorsName": b"Vossberg^Ute",
    "OtherPatientIDs": b"ALT-00991",
    "PatientAddress": b"Ahornweg 3",
    "PatientTelephoneNumbers": b"0555-123987",
    "StudyDescription": b"Thorax Frau Grzeskowiak",
    "SeriesDescription": b"Serie Hinterwald",
    "DeviceSerialNumber": b"SN-4455667",
    "AcquisitionDate": b"20240516",
    "ContentDate": b"20240515",
    "PatientComments": b"kommt mit Tochter Ilse",
    "ImageComments": b"Bild von Station 7b",
}
PRIOR = Prior(0.45, date(2019, 11, 23), 0.03, 0.05, beyond=False)


def everything(source: Dataset, level: IdentityLevel) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes of everything that is made of a radiograph."""
    said = findings(source, prior=PRIOR)
    for kind, made in objects(said, source, level).items():
        yield kind, file_bytes(made)
    yield "observation", resource(said, source, level).encode()


def spellings(value: bytes) -> set[bytes]:
    """Return how a value might be written, and the parts of a name."""
    text = value.decode("latin-1").strip()
    found = {text, text.upper(), text.lower()}
    if re.fullmatch(r"\d{8}", text):
        found |= {f"{text[:4]}-{text[4:6]}-{text[6:]}", f"{text[:4]}.{text[4:6]}.{text[6:]}"}
    else:
        found |= {part for part in re.split(r"[\^ =\\]", text) if len(part) > 3}
    return {each.encode() for each in found}


@pytest.mark.parametrize("level", [IdentityLevel.HASHED, IdentityLevel.NONE])
def test_no_identifier_of_the_header_is_in_any_byte(level: IdentityLevel) -> None:
    source = source_dataset(encoded_header(dict(IDENTIFIERS)), LARGEST)
    looked_for = {*IDENTIFIERS.values(), b"20191123"}
    harmless = {b"Thorax"}
    found = [
        (kind, each)
        for kind, data in everything(source, level)
        for value in looked_for
        for each in spellings(value) - harmless - {b"thorax", b"THORAX"}
        if each in data
    ]
    assert found == []


def test_the_same_search_finds_them_where_identity_leaves_as_in_the_file() -> None:
    source = source_dataset(encoded_header(dict(IDENTIFIERS)), LARGEST)
    data = dict(everything(source, IdentityLevel.AS_IN_FILE))
    for kind in ("report", "presentation", "capture"):
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SOPInstanceUID"):
            assert IDENTIFIERS[keyword] in data[kind]
    assert IDENTIFIERS["PatientID"] in data["observation"]
    assert b"2024-05-17" in data["observation"]


@pytest.mark.parametrize("level", [IdentityLevel.HASHED, IdentityLevel.NONE])
def test_no_text_of_a_real_header_is_in_any_byte(
    real_archive: RealArchive, level: IdentityLevel
) -> None:
    #: What objects say by themselves.
    ours = re.compile(r"CHEST|THORAX|[FMO]|CR|PA|1\.2\.840\.10008\..*", re.IGNORECASE)
    for each in real_archive.files:
        values = {
            str(value).strip()
            for element in each.source
            if element.VR in {"PN", "LO", "SH", "UI", "DA", "TM", "ST", "LT"}
            for value in ([element.value] if element.VM < 2 else element.value)
        }
        looked_for = {value for value in values if len(value) > 4 and not ours.fullmatch(value)}
        assert looked_for
        for kind, made in objects(each.findings, each.source, level).items():
            data = file_bytes(made)
            assert [v for v in looked_for if v.encode("utf-8", "replace") in data] == [], kind
        data = resource(each.findings, each.source, level).encode()
        assert [v for v in looked_for if v.encode("utf-8", "replace") in data] == []


def test_the_hash_of_a_patient_is_the_one_that_results_show(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, patient_key="0123456789abcdef" * 4)
    source = source_dataset(encoded_header({}), LARGEST)
    found = source_header(source, Identity.of(IdentityLevel.HASHED, settings))
    assert found.patient_id == Pseudonyms.of(settings).hashed("PID-5543219")


def test_hashes_link_two_images_of_a_study_and_none_links_nothing() -> None:
    def linked(level: IdentityLevel) -> tuple[bool, bool, bool]:
        one, two = (
            source_header(
                source_dataset(encoded_header({"SOPInstanceUID": uid}), LARGEST), identity(level)
            )
            for uid in (b"1.2.3.1", b"1.2.3.2")
        )
        assert one.sop_uid != two.sop_uid
        return (
            one.study_uid == two.study_uid,
            one.series_uid == two.series_uid,
            bool(one.patient_id) and one.patient_id == two.patient_id,
        )

    assert linked(IdentityLevel.HASHED) == (True, True, True)
    assert linked(IdentityLevel.NONE) == (False, False, False)


def test_another_key_gives_other_hashes() -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    one, two = (
        source_header(source, Identity(IdentityLevel.HASHED, key)) for key in (b"one", b"two")
    )
    assert one.patient_id != two.patient_id
    assert one.study_uid != two.study_uid
    assert one.sop_uid != two.sop_uid


@pytest.mark.parametrize("level", [IdentityLevel.HASHED, IdentityLevel.NONE])
def test_no_hash_without_a_key(level: IdentityLevel) -> None:
    with pytest.raises(ValueError, match="key"):
        Identity(level)


def test_ages_above_ninety_are_ninety_where_patients_are_not_named() -> None:
    born = {"PatientAge": b"097Y", "PatientBirthDate": b"19270101"}
    source = source_dataset(encoded_header(dict(born)), LARGEST)
    ages = [source_header(source, identity(level)).age for level in IdentityLevel]
    assert ages == ["097Y", "090Y", ""]


def test_a_drawing_on_pixels_that_name_the_patient_leaves_with_identity_alone() -> None:
    source = source_dataset(encoded_header({"BurnedInAnnotation": b"YES"}), LARGEST)
    said = findings(source)
    full = secondary_capture(said, source_header(source, Identity()), DRAWING)
    assert full.BurnedInAnnotation == "YES"
    for level in (IdentityLevel.HASHED, IdentityLevel.NONE):
        with pytest.raises(BurnedInIdentity):
            secondary_capture(said, source_header(source, identity(level)), DRAWING)
