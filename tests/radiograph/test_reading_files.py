"""Opening of files, and the error code of every refusal."""

from __future__ import annotations

import dataclasses
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from radiograph.errors import (
    FileUnavailable,
    LateralView,
    NoPixels,
    NotARadiograph,
    RadiographError,
    TooLarge,
    TruncatedFile,
    UniformPixels,
)
from radiograph.frontal import check_header
from radiograph.image import Radiograph
from radiograph.phantom.oddities import draw_oddities
from radiograph.reading import ReadLimits, read
from testbed.dicom_files import CR, LIMITS, RAMP, make_dicom, write_dicom

Reading = Callable[..., Radiograph]


def test_a_missing_file_is_unavailable_and_transient(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable) as caught:
        read(tmp_path / "gone.dcm", LIMITS)
    assert not caught.value.permanent


def test_a_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable):
        read(tmp_path, LIMITS)


def test_a_pipe_without_a_writer_does_not_block(tmp_path: Path) -> None:
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
def test_a_file_without_read_permission_is_unavailable(tmp_path: Path) -> None:
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


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    (tmp_path / "IM0001").write_bytes(make_dicom(RAMP))
    assert read(str(tmp_path / "IM0001"), LIMITS).header.patient_id == "ID-1"


def test_every_odd_file_of_the_phantom_has_its_error_code(reading: Reading) -> None:
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


def test_a_structured_report_is_set_aside_not_failed(tmp_path: Path) -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = CR, UID("1.2.3")
    report.Modality = "SR"
    path = tmp_path / "report.dcm"
    path.write_bytes(write_dicom(report, UID("1.2.840.10008.1.2.1")))
    with pytest.raises(NotARadiograph) as caught:
        read(path, LIMITS, check=check_header)
    assert caught.value.header is not None
    assert caught.value.header.modality == "SR"
    with pytest.raises(NoPixels):
        read(path, LIMITS)


def test_a_lateral_is_set_aside_before_its_pixels_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "lateral.dcm"
    path.write_bytes(
        make_dicom(RAMP, syntax=JPEG2000Lossless, frames=[b"\x00" * 64], ViewPosition="LL")
    )
    with pytest.raises(LateralView):
        read(path, LIMITS, check=check_header)


def test_a_refused_picture_carries_its_header(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    Image.fromarray(np.full((40, 50), 7, np.uint8)).save(path)
    with pytest.raises(UniformPixels) as caught:
        read(path, LIMITS)
    assert caught.value.header is not None
    assert (caught.value.header.rows, caught.value.header.columns) == (40, 50)


def test_a_dicom_file_shortened_anywhere_is_truncated(reading: Reading) -> None:
    data = make_dicom(RAMP, StudyDescription="CHEST PA", WindowCenter="1500", WindowWidth="3000")
    codes = []
    for end in [*range(140, len(data) - RAMP.nbytes), len(data) // 2, len(data) - 1]:
        with pytest.raises(RadiographError) as caught:
            reading(data[:end])
        codes.append(caught.value.code)
    assert set(codes) == {"truncated-file", "no-pixels"}
    # Truncated between two of its 17 elements it is a valid header without pixels.
    assert codes.count("no-pixels") <= 17


def test_a_dicom_file_shortened_inside_a_sequence_is_truncated(reading: Reading) -> None:
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


def test_the_digest_depends_on_pixels_only(reading: Reading) -> None:
    first = reading(make_dicom(RAMP))
    same = reading(make_dicom(RAMP, PatientID="ID-2"))
    other = RAMP.copy()
    other[10, 10] = 3000
    assert first.pixel_digest == same.pixel_digest
    assert len(first.pixel_digest) == 64
    assert reading(make_dicom(other)).pixel_digest != first.pixel_digest
    assert reading(make_dicom(RAMP.T)).pixel_digest != first.pixel_digest


def test_images_of_another_shape_have_another_digest(reading: Reading) -> None:
    rows, columns = RAMP.shape
    window = {"WindowCenter": "2047.5", "WindowWidth": "4095", "VOILUTFunction": "LINEAR_EXACT"}
    first = reading(make_dicom(RAMP, **window))
    other = reading(make_dicom(RAMP.reshape(rows // 2, columns * 2), **window))
    assert first.pixels.tobytes() == other.pixels.tobytes()
    assert first.pixel_digest != other.pixel_digest
