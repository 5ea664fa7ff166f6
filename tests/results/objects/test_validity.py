"""Every object is valid by programs that are not ours, whatever the radiograph's header holds."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from radiograph.reading.source import source_dataset
from radiograph.records import Bucket, IctRule
from results.errors import ObjectRefused
from results.objects.identity import IdentityLevel
from testbed.dicom_files import RAMP, make_dicom
from testbed.dicom_validators import complaints, dumped_report, program
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.made import objects, write
from tests.results.objects.real import LARGEST, RealArchive

pytestmark = pytest.mark.usefixtures("validators")
LEVELS = pytest.mark.parametrize("level", IdentityLevel)


@LEVELS
def test_the_objects_of_real_and_of_faulty_files_are_valid(
    real_archive: RealArchive, level: IdentityLevel, tmp_path: Path
) -> None:
    found = {}
    for number, each in enumerate(real_archive.files):
        folder = tmp_path / str(number)
        folder.mkdir()
        for kind, path in write(folder, objects(each.findings, each.source, level)).items():
            found[each.path.name, kind] = complaints(path)
        assert "ICT" in dumped_report(folder / "report.dcm")
    assert {key: each for key, each in found.items() if each} == {}
    names = {name for name, _ in found}
    assert len(names) >= 20
    assert {name for name in names if name.startswith("chest_")} == {
        "chest_no_preamble_implicit_le_mono1_10bit.dcm",
        "chest_pa_jpeg_baseline_8bit.dcm",
        "chest_pa_monochrome1_j2k.dcm",
    }


def test_dcmtk_shows_an_image_by_its_presentation_state_as_by_its_own_header(
    real_archive: RealArchive, tmp_path: Path
) -> None:
    shown = set()
    for each in real_archive.files:
        made = objects(each.findings, each.source)
        if "presentation" not in made:
            continue
        path = write(tmp_path, {"presentation": made["presentation"]})["presentation"]
        checked = run(program("dcmpschk"), path)
        assert checked.returncode == 0, f"{each.path.name}: {checked.stdout} {checked.stderr}"
        plain, by_state = tmp_path / "plain.pgm", tmp_path / "by-state.pgm"
        if run(program("dcmp2pgm"), each.path, plain).returncode:
            continue  # dcmtk does not read compressed files here, nor some of the faulty ones
        assert run(program("dcmp2pgm"), "-p", path, each.path, by_state).returncode == 0
        if plain.read_bytes() == by_state.read_bytes():
            shown.add(each.path.name)
        else:
            # dcmtk believes the words that thoraq corrects: a table of the wrong VR, and a shape
            # that contradicts the photometric interpretation.
            assert each.path.name in {"mlut_SS.dcm", "m2_inverse.dcm"}
    assert len(shown) >= 8
    assert "chest_no_preamble_implicit_le_mono1_10bit.dcm" in shown


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(each) for each in words], capture_output=True, text=True, errors="replace", check=False
    )


@pytest.mark.parametrize("rule", IctRule)
@pytest.mark.parametrize("bucket", [Bucket.REVIEW, Bucket.UNRATED])
def test_every_rule_and_bucket_makes_a_valid_report(
    rule: IctRule, bucket: Bucket, tmp_path: Path
) -> None:
    source = source_dataset(make_dicom(RAMP, StudyInstanceUID="1.2.3"), LARGEST)
    said = findings(source, prior=None)
    ict = replace(said.measurement.ict, rule=rule)
    if rule is IctRule.NONE_INVALID:
        absent = dict.fromkeys(("value", "sd", "low", "high", "threshold", "enlarged"))
        widths = dict.fromkeys(
            f"{part}_width_{unit}" for part in ("heart", "thorax") for unit in ("px", "mm")
        )
        ict = replace(ict, **absent, **widths)
    measurement = replace(said.measurement, ict=ict, bucket=bucket, values={})
    made = objects(replace(said, measurement=measurement), source)
    for path in write(tmp_path, made).values():
        assert complaints(path) == []


#: Every element that an object repeats or leans on, with what files really hold there.
_TEXTS = st.one_of(
    st.text(max_size=70).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=70),
    st.sampled_from(
        [
            b"",
            b" ",
            b"\\",
            b"A\\B",
            b"=",
            b"^^^^^^^",
            b"a" * 65,
            b"62",
            b"000Y",
            b"1993.02.24",
            b"17:58:00",
            b"240000",
            b"20261340",
            b"-1.5e3",
            b"nan",
            b"1e999",
            b"0\\0",
            b"YES",
            b"MONOCHROME1",
            b"1.2.03",
            b"1.2.3.4.5",
            b"1.2.840.10008.5.1.4.1.1.7.2",
            b"\xfc\xdf",
            b"\x1b$B;3ED",
        ]
    ),
)
_CHARACTER_SETS = st.sampled_from(
    [b"", b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"ISO_IR 999", b"GB18030", b"\xff"]
)
_KEYWORDS = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID"),
    *("AccessionNumber", "StudyDescription", "SeriesInstanceUID", "Modality", "PixelSpacing"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept"),
    *("RescaleType", "BurnedInAnnotation", "LossyImageCompression", "NumberOfFrames"),
    *("PhotometricInterpretation", "StudyInstanceUID", "SOPInstanceUID", "SOPClassUID"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(_KEYWORDS), _TEXTS, max_size=8),
    _CHARACTER_SETS,
    st.sampled_from(IdentityLevel),
)
@example({"NumberOfFrames": b"62"}, b"", IdentityLevel.AS_IN_FILE)
@example(
    {"NumberOfFrames": b"62", "SOPClassUID": b"1.2.840.10008.5.1.4.1.1.7.2"},
    b"",
    IdentityLevel.AS_IN_FILE,
)
@example({"PatientID": b"A\\B"}, b"", IdentityLevel.HASHED)
@example({"PatientName": b"M\xfcller^\xc4nne"}, b"", IdentityLevel.AS_IN_FILE)
def test_a_hostile_header_makes_valid_objects_or_is_refused_by_a_code(
    elements: dict[str, bytes], character_set: bytes, level: IdentityLevel
) -> None:
    source = source_dataset(
        encoded_header({"SpecificCharacterSet": character_set, **elements}), LARGEST
    )
    said = findings(source)
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = objects(said, source, level)
        except ObjectRefused:
            return
        for path in write(Path(folder), made).values():
            assert complaints(path) == []
