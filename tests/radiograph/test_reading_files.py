"""What is opened at all, and what every refusal is called."""

from __future__ import annotations

import dataclasses
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from radiograph.errors import (
    FileUnavailable,
    NotARadiograph,
    RadiographError,
    TooLarge,
    TruncatedFile,
)
from radiograph.phantom.oddities import draw_oddities
from radiograph.reading import ReadLimits, read
from radiograph.records import Radiograph
from tests.radiograph.making import CR, LIMITS, RAMP, make_dicom, write_dicom

Reading = Callable[..., Radiograph]


def test_a_missing_file_is_unavailable_and_may_be_retried(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable) as caught:
        read(tmp_path / "gone.dcm", LIMITS)
    assert not caught.value.permanent


def test_a_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable):
        read(tmp_path, LIMITS)


def test_a_pipe_without_a_writer_does_not_hold_the_reader_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    with pytest.raises(FileUnavailable):
        read(tmp_path / "pipe.dcm", LIMITS)


def test_a_device_is_unavailable() -> None:
    with pytest.raises(FileUnavailable):
        read("/dev/zero", LIMITS)


def test_a_path_with_a_nul_is_unavailable() -> None:
    with pytest.raises(FileUnavailable):
        read("a\0b.dcm", LIMITS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(make_dicom(RAMP))
    path.chmod(0)
    with pytest.raises(FileUnavailable):
        read(path, LIMITS)


def test_a_file_above_the_limit_is_too_large(reading: Reading) -> None:
    data = make_dicom(RAMP)
    exact = dataclasses.replace(LIMITS, max_file_bytes=len(data))
    assert reading(data, limits=exact).pixels.shape == RAMP.shape
    with pytest.raises(TooLarge):
        reading(data, limits=dataclasses.replace(exact, max_file_bytes=len(data) - 1))


def test_a_string_is_a_path_too(tmp_path: Path) -> None:
    (tmp_path / "IM0001").write_bytes(make_dicom(RAMP))
    assert read(str(tmp_path / "IM0001"), LIMITS).header.patient_id == "ID-1"


def test_every_odd_file_of_the_phantom_is_told_by_its_code(reading: Reading) -> None:
    limits = ReadLimits(max_file_bytes=64 << 20, max_pixels=10_000_000, min_side_px=128)
    left_to_the_header = {"lateral-view", "other-body-part", "not-a-radiograph"}
    for oddity in draw_oddities(seed=11):
        name = Path(oddity.path).name
        if oddity.error.code in left_to_the_header:
            assert reading(oddity.encode(), name, limits).pixels.size > 0
            continue
        with pytest.raises(RadiographError) as caught:
            reading(oddity.encode(), name, limits)
        assert caught.value.code == oddity.error.code, oddity.path


def test_a_refused_dicom_file_carries_its_header(reading: Reading) -> None:
    with pytest.raises(RadiographError) as caught:
        reading(make_dicom(np.full((32, 32), 7, np.uint16)))
    assert caught.value.code == "uniform-pixels"
    assert caught.value.header is not None
    assert caught.value.header.patient_id == "ID-1"


def test_a_report_is_no_radiograph_that_lost_its_pixels(reading: Reading) -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = CR, UID("1.2.3")
    report.Modality = "SR"
    with pytest.raises(NotARadiograph):
        reading(write_dicom(report, UID("1.2.840.10008.1.2.1")))


def test_a_dicom_file_cut_anywhere_is_truncated(reading: Reading) -> None:
    data = make_dicom(RAMP, StudyDescription="CHEST PA", WindowCenter="1500", WindowWidth="3000")
    for end in [*range(140, len(data) - len(RAMP.tobytes()), 7), len(data) // 2, len(data) - 1]:
        with pytest.raises(RadiographError) as caught:
            reading(data[:end])
        # Cut between two elements, a header without pixels is all there is to see.
        assert caught.value.code in {"truncated-file", "no-pixels"}, end


def test_a_dicom_file_cut_inside_a_sequence_is_truncated(reading: Reading) -> None:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "399348003", "antero-posterior"

    def add(dataset: Dataset) -> None:
        dataset.ViewCodeSequence = [item]
        dataset["ViewCodeSequence"].is_undefined_length = True
        dataset.ViewCodeSequence[0].is_undefined_length_sequence_item = True

    data = make_dicom(RAMP, spoil=add)
    with pytest.raises(TruncatedFile):
        reading(data[: data.index(b"antero") + 4])


def test_a_deflated_bomb_is_refused_before_it_is_inflated(reading: Reading) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CR, UID("1.2.3")
    meta_only = write_dicom(dataset, DeflatedExplicitVRLittleEndian)
    start = 144 + struct.unpack_from("<I", meta_only, 140)[0]
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    bomb = b"".join(deflater.compress(zeros) for _ in range(64)) + deflater.flush()
    with pytest.raises(TooLarge):
        reading(meta_only[:start] + bomb)


def test_the_digest_tells_pixels_apart_and_nothing_else(reading: Reading) -> None:
    first = reading(make_dicom(RAMP))
    same = reading(make_dicom(RAMP, PatientID="ID-2"))
    other = RAMP.copy()
    other[10, 10] = 3000
    assert first.pixel_digest == same.pixel_digest
    assert len(first.pixel_digest) == 64
    assert reading(make_dicom(other)).pixel_digest != first.pixel_digest
    assert reading(make_dicom(RAMP.T)).pixel_digest != first.pixel_digest
