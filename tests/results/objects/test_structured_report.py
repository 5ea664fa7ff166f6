"""What a structured report says, read by pydicom, by highdicom and by dcmtk."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from radiograph.landmarks import ANATOMICAL, Landmark
from radiograph.measures.placed_points import PlacedPoints
from radiograph.reading.orientation import Turn
from radiograph.reading.source import source_dataset
from radiograph.records import IctRule
from results.objects import codes
from results.objects.findings import Findings
from results.objects.identity import IdentityLevel
from results.objects.modules import file_bytes
from testbed.dicom_validators import dumped_report, program
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.made import objects, write
from tests.results.objects.real import LARGEST, RealArchive


@pytest.fixture
def source() -> Dataset:
    return source_dataset(encoded_header({}), LARGEST)


def report(said: Findings, source: Dataset) -> Dataset:
    return objects(said, source)["report"]


def walk(items: Iterator[Dataset] | Dataset) -> Iterator[Dataset]:
    for item in items.get("ContentSequence", ()) if isinstance(items, Dataset) else items:
        yield item
        yield from walk(item)


def name(item: Dataset) -> str:
    return (
        str(item.ConceptNameCodeSequence[0].CodeValue) if "ConceptNameCodeSequence" in item else ""
    )


def numbers(made: Dataset) -> dict[str, tuple[float, str]]:
    """Return value and unit of every number but the landmarks' spreads, by its code."""
    return {
        name(item): (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for item in walk(made)
        if item.ValueType == "NUM" and name(item) != codes.SPREAD.value
    }


def chosen(made: Dataset) -> dict[str, str]:
    """Return the code of every coded item, by its name."""
    return {
        name(item): str(item.ConceptCodeSequence[0].CodeValue)
        for item in walk(made)
        if item.ValueType == "CODE"
    }


def test_it_is_preliminary_and_unverified_and_says_which_algorithm_made_it(source: Dataset) -> None:
    made = report(findings(source), source)
    assert (made.PreliminaryFlag, made.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    [template] = made.ContentTemplateSequence
    assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "1500")
    texts = {(name(item), item.TextValue) for item in walk(made) if item.ValueType == "TEXT"}
    assert {
        ("111001", "thoraq"),
        ("111003", "thoraq-2, thoraq 0.2.0"),
        ("111002", f"weights sha256:{'d' * 64}"),
        ("122405", "thoraq"),
    } <= texts
    assert chosen(made)["111000"] == "123110"


def test_it_says_every_figure_with_its_unit(source: Dataset) -> None:
    said = findings(source)
    ict, values = said.measurement.ict, said.measurement.values
    assert numbers(report(said, source)) == {
        "ICT": (pytest.approx(ict.value, abs=5e-5), "{ratio}"),
        "386136009": (pytest.approx(ict.sd, abs=5e-5), "{ratio}"),
        "ICT-LOW": (pytest.approx(ict.low, abs=5e-5), "{ratio}"),
        "ICT-HIGH": (pytest.approx(ict.high, abs=5e-5), "{ratio}"),
        "ICT-LINE": (0.5, "{ratio}"),
        "HEART-WIDTH": (pytest.approx(0.32 * 2500 * 0.168, abs=0.005), "mm"),
        "THORAX-WIDTH": (pytest.approx(0.71 * 2500 * 0.168, abs=0.005), "mm"),
        "ERROR": (4.2, "{pixels}"),
        "ERROR-HIGH": (6.1, "{pixels}"),
        "TILT": (pytest.approx(values["tilt_degrees"], abs=0.005), "deg"),
        "ASYMMETRY": (pytest.approx(values["asymmetry"], abs=5e-5), "{ratio}"),
        "PRIOR-ICT": (0.45, "{ratio}"),
        "CHANGE": (0.031, "{ratio}"),
        "CHANGE-LIMIT": (0.052, "{ratio}"),
    }


def test_it_says_rule_bucket_and_whether_the_index_is_above_its_line(source: Dataset) -> None:
    said = findings(source)
    found = chosen(report(said, source))
    assert (found["ICT-RULE"], found["BUCKET"], found["ICT-ABOVE"]) == (
        "ADULT-PA",
        "GOOD",
        codes.NO.value,
    )
    assert found["CHANGE-BEYOND"] == codes.NO.value
    ict = replace(said.measurement.ict, rule=IctRule.NONE_AP, threshold=None, enlarged=None)
    without = replace(said, measurement=replace(said.measurement, ict=ict), prior=None)
    made = report(without, source)
    assert chosen(made)["ICT-RULE"] == "NONE-AP"
    assert "ICT-ABOVE" not in chosen(made)
    assert not {"ICT-LINE", "PRIOR-ICT", "CHANGE"} & set(numbers(made))


def test_landmarks_and_callipers_are_coordinates_in_the_measured_image(source: Dataset) -> None:
    said = findings(source)
    made = report(said, source)
    regions = {
        name_of_group(group): next(i for i in walk(group) if i.ValueType == "SCOORD")
        for group in made.ContentSequence[-1].ContentSequence
        if any(i.ValueType == "SCOORD" for i in walk(group))
    }
    assert set(regions) == {"HEART-WIDTH", "THORAX-WIDTH", *(f"L{n}" for n in range(1, 16))}
    for point in map(Landmark, ANATOMICAL):
        region = regions[f"L{point + 1}"]
        # From the centre of the first pixel to its corner.
        expected = [each + 0.5 for each in said.measurement.points[point]]
        assert region.GraphicType == "POINT"
        assert list(region.GraphicData) == pytest.approx(expected, abs=1e-3)
    for region in regions.values():
        [image] = region.ContentSequence[0].ReferencedSOPSequence
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.ReferencedSOPClassUID == source.SOPClassUID
    [study] = made.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == source.StudyInstanceUID
    assert study.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID


def name_of_group(group: Dataset) -> str:
    return next(
        str(item.ConceptCodeSequence[0].CodeValue)
        for item in group.get("ContentSequence", ())
        if name(item) == codes.FINDING.value
    )


@pytest.mark.parametrize(
    "turn",
    [Turn(t, m, o) for t in (False, True) for m in (False, True) for o in (False, True)],
    ids=str,
)
def test_a_calliper_is_as_long_as_its_width_however_the_file_holds_the_image(
    source: Dataset, turn: Turn
) -> None:
    rows, columns = 2048, 2500
    upright = findings(source)
    way = turn.to_source(rows, columns)
    points = np.asarray(upright.measurement.points) @ way[:, :2].T + way[:, 2]
    stored = (columns, rows) if turn.transpose else (rows, columns)
    header = replace(upright.header, rows=stored[0], columns=stored[1])
    turned = replace(
        upright,
        header=header,
        measurement=replace(upright.measurement, points=tuple(map(tuple, points.tolist()))),
    )
    left, _ = PlacedPoints(turned.measurement.points, header).axes()
    for width in ("HEART-WIDTH", "THORAX-WIDTH"):
        [group] = [
            each
            for each in report(turned, source).ContentSequence[-1].ContentSequence
            if name_of_group(each) == width
        ]
        region = next(item for item in walk(group) if item.ValueType == "SCOORD")
        x0, y0, x1, y1 = region.GraphicData
        share = 0.32 if width == "HEART-WIDTH" else 0.71
        # From the patient's right to the left, and level.
        assert (x1 - x0) * left.x + (y1 - y0) * left.y == pytest.approx(share * columns, abs=0.01)
        assert abs((x1 - x0) * left.y) + abs((y1 - y0) * left.x) == pytest.approx(0, abs=0.01)


def test_points_beyond_the_edge_are_on_it(source: Dataset) -> None:
    said = findings(source)
    points = [(-3.0, 1.0), (9999.0, 9999.0), *said.measurement.points[2:]]
    outside = replace(said, measurement=replace(said.measurement, points=tuple(points)))
    found = [
        list(item.GraphicData)
        for item in walk(report(outside, source))
        if item.get("GraphicType") == "POINT"
    ]
    assert found[0] == [0.0, 1.5]
    assert found[1] == [2500.0, 2048.0]


@pytest.mark.parametrize(
    ("sop_class", "frame"),
    [
        (b"1.2.840.10008.5.1.4.1.1.7.2", 1),
        (b"1.2.840.10008.5.1.4.1.1.12.1", 1),
        (b"1.2.840.10008.5.1.4.1.1.1", None),  # whose images have one frame, whatever it says
    ],
)
def test_of_several_frames_the_first_is_meant(sop_class: bytes, frame: int | None) -> None:
    header: dict[str, bytes | None] = {"NumberOfFrames": b"3", "SOPClassUID": sop_class}
    source = source_dataset(encoded_header(header), LARGEST)
    made = report(findings(source), source)
    images = [i for i in walk(made) if i.ValueType == "IMAGE"]
    assert images
    assert {i.ReferencedSOPSequence[0].get("ReferencedFrameNumber") for i in images} == {frame}


@pytest.mark.parametrize("level", IdentityLevel)
def test_a_prior_is_dated_only_where_identity_leaves(source: Dataset, level: IdentityLevel) -> None:
    made = objects(findings(source), source, level)["report"]
    dates = [item.Date for item in walk(made) if item.ValueType == "DATE"]
    assert dates == (["20200102"] if level is IdentityLevel.AS_IN_FILE else [])


def test_content_that_was_encoded_here_is_what_pydicom_writes(source: Dataset) -> None:
    made = report(findings(source), source)
    fast = file_bytes(made)
    again = dcmread(io.BytesIO(fast))
    list(walk(again))  # decodes every item, so that pydicom has to write each
    assert file_bytes(again) == fast


@pytest.mark.parametrize("character_set", [b"ISO_IR 100", b"ISO_IR 192"])
def test_a_receiver_may_ask_for_implicit_little_endian(
    character_set: bytes, tmp_path: Path
) -> None:
    name = "Müller^Jörg".encode("latin-1" if b"100" in character_set else "utf-8")
    changed: dict[str, bytes | None] = {
        "SpecificCharacterSet": character_set,
        "PatientName": name,
        "StudyDescription": name,
    }
    source = source_dataset(encoded_header(changed), LARGEST)
    made = report(findings(source), source)
    expected = numbers(report(findings(source), source))
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path = tmp_path / "implicit.dcm"
    made.save_as(path, implicit_vr=True, enforce_file_format=True)
    read = dcmread(path)
    assert numbers(read) == expected
    assert (read.PatientName, read.StudyDescription) == ("Müller^Jörg", "Müller^Jörg")
    subprocess.run([program("dcmdump"), "-q", str(path)], check=True, capture_output=True)


def test_highdicom_finds_the_measurement_groups(source: Dataset, tmp_path: Path) -> None:
    said = findings(source)
    path = write(tmp_path, {"report": report(said, source)})["report"]
    content = highdicom.sr.srread(path).content
    groups = {
        str(group.tracking_identifier): group
        for group in content.get_planar_roi_measurement_groups()
    }
    assert set(groups) == {"HEART-WIDTH", "THORAX-WIDTH", *(f"L{n}" for n in range(1, 16))}
    [width] = groups["HEART-WIDTH"].get_measurements()
    assert width.value == pytest.approx(0.32 * 2500 * 0.168, abs=0.005)
    assert groups["L12"].finding_sites[0].value.value == codes.LUNG_APEX.value


def test_dsrdump_reads_the_report_of_every_real_file(
    validators: None, real_archive: RealArchive, tmp_path: Path
) -> None:
    del validators
    for each in real_archive.files:
        path = write(tmp_path, {"report": report(each.findings, each.source)})["report"]
        said = dumped_report(path)
        ict = each.findings.measurement.ict
        assert ict.value is not None
        assert f'"{round(ict.value, 4):g}"' in said.replace("<", '"').replace(">", '"')
