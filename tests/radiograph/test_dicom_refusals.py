"""Error codes of DICOM files that are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    MPEG2MPML,
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from radiograph.errors import (
    BrokenHeader,
    NoPixels,
    RadiographError,
    TooLarge,
    TooSmall,
    TruncatedFile,
    UndecodablePixels,
    UnsupportedPixels,
    quoted,
)
from radiograph.image import Radiograph
from radiograph.reading.codestream import NO_END, jpeg2000_fault, jpeg_fault
from testbed.dicom_files import LIMITS, RAMP, make_dicom
from testbed.encoders import (
    NOISY,
    SMOOTH,
    Image,
    htj2k,
    htj2k_lossy,
    jpeg_2000,
    jpeg_2000_lossy,
    jpeg_extended,
    jpeg_lossless,
    jpeg_ls,
)

Reading = Callable[..., Radiograph]


def no_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def empty_pixels(dataset: Dataset) -> None:
    dataset.PixelData = b""


def half_the_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


def float_pixels(dataset: Dataset) -> None:
    del dataset.PixelData
    dataset.FloatPixelData = bytes(4 * RAMP.size)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"spoil": no_pixels}, NoPixels),
        ({"spoil": empty_pixels}, NoPixels),
        ({"spoil": half_the_pixels}, BrokenHeader),
        ({"spoil": float_pixels}, UnsupportedPixels),
        ({"Rows": None}, BrokenHeader),
        ({"Columns": 0}, BrokenHeader),
        ({"BitsAllocated": None}, BrokenHeader),
        ({"BitsStored": 20}, BrokenHeader),
        ({"BitsStored": 12, "HighBit": 3}, BrokenHeader),
        ({"SamplesPerPixel": 3}, BrokenHeader),
        ({"SamplesPerPixel": 4, "PhotometricInterpretation": "CMYK"}, UnsupportedPixels),
        ({"BitsAllocated": 12, "BitsStored": 12}, UnsupportedPixels),
        ({"Rows": 65535, "Columns": 65535}, TooLarge),
        ({"Rows": 15}, TooSmall),
        ({"syntax": UID("1.2.3.4.5")}, UnsupportedPixels),
        ({"syntax": MPEG2MPML, "frames": [b"\x00" * 64]}, UnsupportedPixels),
        ({"syntax": JPEG2000Lossless, "frames": [b"\x00" * 64]}, UndecodablePixels),
        ({"syntax": JPEGBaseline8Bit, "frames": [b"\x00" * 64]}, UndecodablePixels),
        ({"syntax": RLELossless, "frames": [b"\x00" * 64]}, BrokenHeader),
        ({"syntax": JPEGLSLossless, "frames": [jpeg_ls(0)(RAMP[:40])]}, BrokenHeader),
        ({"syntax": JPEG2000Lossless, "frames": [jpeg_2000(RAMP[:40])]}, BrokenHeader),
        ({"syntax": JPEGLosslessSV1, "frames": [jpeg_lossless(RAMP[:40])]}, BrokenHeader),
    ],
)
def test_every_refusal_has_its_code(
    elements: dict[str, Any], expected: type[RadiographError], reading: Reading
) -> None:
    with pytest.raises(RadiographError) as caught:
        reading(make_dicom(RAMP, **elements))
    assert caught.value.code == expected.code


def test_too_few_native_pixels_with_a_compressed_syntax_are_a_broken_header(
    reading: Reading,
) -> None:
    plain = make_dicom(RAMP, spoil=half_the_pixels)
    claimed = plain.replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.5\x00")
    with pytest.raises(BrokenHeader):
        reading(claimed)


def test_an_unknown_codec_with_a_native_syntax_is_a_broken_header(
    reading: Reading,
) -> None:
    compressed = make_dicom(RAMP, syntax=RLELossless, frames=[b"\x00" * 64])
    claimed = compressed.replace(b"1.2.840.10008.1.2.5\x00", b"1.2.840.10008.1.2.1\x00")
    with pytest.raises(BrokenHeader):
        reading(claimed)


def test_incomplete_rle_is_undecodable(reading: Reading) -> None:
    def compress(dataset: Dataset) -> None:
        dataset.compress(RLELossless, NOISY, generate_instance_uid=False)
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        dataset.PixelData = encapsulate([frame[: len(frame) // 4 * 2]])

    with pytest.raises(UndecodablePixels):
        reading(make_dicom(NOISY, syntax=RLELossless, spoil=compress))


@pytest.mark.parametrize(
    ("syntax", "encode", "marker"),
    [
        (JPEGExtended12Bit, jpeg_extended, b"\xff\xc1"),
        (JPEGLosslessSV1, jpeg_lossless, b"\xff\xc3"),
        (JPEGLSLossless, jpeg_ls(0), b"\xff\xf7"),
    ],
)
def test_a_codestream_that_claims_more_than_the_header_is_refused_before_it_is_decoded(
    syntax: UID, encode: Callable[[Image], bytes], marker: bytes, reading: Reading
) -> None:
    frame = bytearray(encode(SMOOTH))
    size = frame.index(marker) + 5  # after marker, length and precision
    frame[size : size + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(BrokenHeader):
        reading(make_dicom(SMOOTH, syntax=syntax, frames=[bytes(frame)]))


#: Of over 5,000 in every stream of NOISY, these hold all headers.
HEADER_BYTES = 600


SPOILABLE = pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (JPEGExtended12Bit, jpeg_extended),
        (JPEGLosslessSV1, jpeg_lossless),
        (JPEGLSLossless, jpeg_ls(0)),
        (JPEG2000Lossless, jpeg_2000),
        (HTJ2KLossless, htj2k),
    ],
    ids=lambda value: value.name if isinstance(value, UID) else "",
)


@SPOILABLE
def test_truncated_codestreams_are_refused_as_truncated(
    syntax: UID, encode: Callable[[Image], bytes], reading: Reading
) -> None:
    whole = encode(NOISY)
    for end in (len(whole) * 6 // 10, len(whole) - 40):
        with pytest.raises(TruncatedFile):
            reading(make_dicom(NOISY, syntax=syntax, frames=[whole[:end]]))


@SPOILABLE
def test_corrupt_codestreams_are_refused_as_undecodable(
    syntax: UID, encode: Callable[[Image], bytes], reading: Reading
) -> None:
    whole = encode(NOISY)
    noise = np.random.default_rng(9).integers(0, 256, len(whole), dtype=np.uint8).tobytes()
    assert len(whole) > 2 * HEADER_BYTES
    spoilt = whole[:HEADER_BYTES] + noise[HEADER_BYTES:-8] + whole[-8:]
    with pytest.raises(UndecodablePixels):
        reading(make_dicom(NOISY, syntax=syntax, frames=[spoilt]))


def test_intact_codestreams_have_no_fault() -> None:
    for image in (NOISY, SMOOTH):
        assert jpeg_fault(jpeg_extended(image)) is None
        assert jpeg_fault(jpeg_lossless(image)) is None
        for stream in (jpeg_2000(image), jpeg_2000_lossy(image), htj2k(image), htj2k_lossy(image)):
            assert jpeg2000_fault(stream) is None


def test_a_long_run_of_fill_bytes_is_scanned_once() -> None:
    fill = b"\xff" * (4 << 20)  # quadratic matching would take hours
    before_the_scan = b"\xff\xd8" + fill + b"\xda\x00\x02"
    assert jpeg_fault(before_the_scan + fill + b"\xd9") is None
    assert jpeg_fault(before_the_scan + fill + b"\x00") == NO_END


def test_a_shortened_encapsulated_file_is_truncated(reading: Reading) -> None:
    data = make_dicom(NOISY, syntax=JPEGLSLossless, frames=[jpeg_ls(0)(NOISY)])
    for end in (len(data) // 2, len(data) - 20):
        with pytest.raises(TruncatedFile):
            reading(data[:end])


def test_a_missing_second_frame_makes_the_file_truncated(reading: Reading) -> None:
    def double(dataset: Dataset) -> None:
        dataset.NumberOfFrames = 2
        dataset.PixelData = RAMP.tobytes() * 2

    data = make_dicom(RAMP, spoil=double)
    with pytest.raises(TruncatedFile):
        reading(data[: -RAMP.nbytes // 2])


def test_the_pixel_limit_is_set_by_the_caller(reading: Reading) -> None:
    data = make_dicom(RAMP)
    assert reading(data, limits=dataclasses.replace(LIMITS, max_pixels=RAMP.size)).pixels.size
    with pytest.raises(TooLarge):
        reading(data, limits=dataclasses.replace(LIMITS, max_pixels=RAMP.size - 1))


def test_a_message_shows_only_codes_of_a_header() -> None:
    assert quoted("CR") == "CR"
    assert quoted("1.2.840.10008.1.2.4.90") == "1.2.840.10008.1.2.4.90"
    assert quoted("PALETTE COLOR") == "PALETTE COLOR"
    for value in ("MUSTER^MAX", "Muster", "A" * 17, "X\n", ""):
        assert quoted(value) == "not a code"
    assert quoted(None) == "missing"
