"""What a presentation state shows, and that it shows the image as its own header would."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from radiograph.reading.source import source_dataset
from results.errors import NotGrey
from results.objects.header import source_header
from results.objects.identity import Identity
from results.objects.presentation_state import presentation_state
from testbed.dicom_files import RAMP, make_dicom
from testbed.findings import findings
from tests.results.objects.headers import encoded_header
from tests.results.objects.real import LARGEST


def made(**changed: bytes | None) -> Dataset:
    source = source_dataset(encoded_header(changed), LARGEST)
    return presentation_state(findings(source), source_header(source, Identity()))


def test_it_draws_the_callipers_and_the_midline_on_the_measured_image() -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    said = findings(source)
    state = presentation_state(said, source_header(source, Identity()))
    [annotation] = state.GraphicAnnotationSequence
    midline, thorax, heart = (each.GraphicData for each in annotation.GraphicObjectSequence)
    assert list(midline[:2]) == pytest.approx([1250.5, 205.3], abs=1e-3)
    assert heart[2] - heart[0] == pytest.approx(800.0, abs=1e-3)
    assert thorax[2] - thorax[0] == pytest.approx(1775.0, abs=1e-3)
    [series] = state.ReferencedSeriesSequence
    [image] = series.ReferencedImageSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID
    assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
    [area] = state.DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaBottomRightHandCorner) == [2500, 2048]
    assert [float(each) for each in area.PresentationPixelSpacing] == [0.168, 0.168]


def test_its_text_says_the_index_and_that_nobody_has_verified_it() -> None:
    [annotation] = made().GraphicAnnotationSequence
    [text] = annotation.TextObjectSequence
    lines = text.UnformattedTextValue.split("\r\n")
    assert lines[0] == "ICT 0.451 (0.431 to 0.471 at 95 %)"
    assert lines[1] == "Not enlarged: the adult PA threshold is 0.500"
    assert lines[-1] == "Measured automatically; not verified"


def test_without_an_index_the_midline_alone_is_drawn() -> None:
    source = source_dataset(encoded_header({}), LARGEST)
    said = findings(source)
    ict = replace(said.measurement.ict, value=None, low=None, high=None)
    state = presentation_state(
        replace(said, measurement=replace(said.measurement, ict=ict)),
        source_header(source, Identity()),
    )
    [annotation] = state.GraphicAnnotationSequence
    assert len(annotation.GraphicObjectSequence) == 1
    assert annotation.TextObjectSequence[0].UnformattedTextValue.startswith("ICT not measured")


@pytest.mark.parametrize(
    ("photometric", "shape"), [(b"MONOCHROME1", "INVERSE"), (b"MONOCHROME2", "IDENTITY")]
)
def test_what_is_black_in_the_image_is_black(photometric: bytes, shape: str) -> None:
    assert made(PhotometricInterpretation=photometric).PresentationLUTShape == shape


def test_the_first_usable_window_is_repeated() -> None:
    state = made(
        WindowCenter=b"100\\550.5\\7", WindowWidth=b"0\\1024\\9", VOILUTFunction=b"SIGMOID"
    )
    [voi] = state.SoftcopyVOILUTSequence
    assert (float(voi.WindowCenter), float(voi.WindowWidth)) == (550.5, 1024.0)
    assert voi.VOILUTFunction == "SIGMOID"


@pytest.mark.parametrize(
    ("center", "width"), [(None, None), (b"nan", b"5"), (b"5", b"-1"), (b"x", b"y")]
)
def test_an_unusable_window_is_left_out(center: bytes | None, width: bytes | None) -> None:
    assert "SoftcopyVOILUTSequence" not in made(WindowCenter=center, WindowWidth=width)


def test_the_rescaling_is_repeated() -> None:
    state = made(RescaleIntercept=b"-1024", RescaleSlope=b"2.5", RescaleType=b"HU")
    assert (float(state.RescaleIntercept), float(state.RescaleSlope)) == (-1024.0, 2.5)
    assert state.RescaleType == "HU"
    assert "RescaleSlope" not in made(RescaleIntercept=b"0", RescaleSlope=b"0")


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(("signed", "first", "vr"), [(0, 40000, "US"), (1, -5, "SS")])
@pytest.mark.parametrize("bad", [False, True])
def test_a_look_up_table_is_repeated_where_it_is_sound(
    keyword: str, signed: int, first: int, vr: str, *, bad: bool
) -> None:
    entries = struct.pack("<4H", 0, 10, 65535, 7)

    def add(dataset: Dataset) -> None:
        item = Dataset()
        item.add_new("LUTDescriptor", vr, [5 if bad else 4, first, 16])
        item.add_new("LUTData", "OW", entries)
        dataset.add_new(keyword, "SQ", [item])

    stored = RAMP.astype("i2" if signed else "u2")
    source = source_dataset(make_dicom(stored, spoil=add, StudyInstanceUID="1.2.3"), LARGEST)
    state = presentation_state(findings(source), source_header(source, Identity()))
    if keyword == "VOILUTSequence":
        found = [i for each in state.get("SoftcopyVOILUTSequence", ()) for i in each.VOILUTSequence]
    else:
        found = list(state.get(keyword, ()))
    assert [(list(i.LUTDescriptor), i["LUTDescriptor"].VR, i.LUTData) for i in found] == (
        [] if bad else [([4, first, 16], vr, entries)]
    )


@pytest.mark.parametrize("photometric", [b"RGB", b"PALETTE COLOR", b"YBR_FULL", None])
def test_an_image_in_colour_is_refused(photometric: bytes | None) -> None:
    with pytest.raises(NotGrey):
        made(PhotometricInterpretation=photometric)
