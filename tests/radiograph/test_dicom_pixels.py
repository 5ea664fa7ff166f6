"""Stored values are read from every transfer syntax."""

from __future__ import annotations

from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from radiograph.image import Radiograph
from testbed.dicom_files import RAMP, make_dicom
from testbed.encoders import (
    SMOOTH,
    Image,
    htj2k,
    htj2k_lossy,
    jpeg_2000,
    jpeg_2000_lossy,
    jpeg_extended,
    jpeg_lossless,
    jpeg_lossless_4,
    jpeg_ls,
)

Reading = Callable[..., Radiograph]

#: Identity window of stored values 0..65535.
AS_STORED = {"WindowCenter": "32767.5", "WindowWidth": "65535", "VOILUTFunction": "LINEAR_EXACT"}
BYTES = (RAMP % 251).astype(np.uint8)


COMPRESSED: list[tuple[UID, Callable[[Image], bytes], int]] = [
    (JPEGExtended12Bit, jpeg_extended, 40),
    (JPEGLossless, jpeg_lossless_4, 0),
    (JPEGLosslessSV1, jpeg_lossless, 0),
    (JPEGLSLossless, jpeg_ls(0), 0),
    (JPEGLSNearLossless, jpeg_ls(3), 3),
    (JPEG2000Lossless, jpeg_2000, 0),
    (JPEG2000, jpeg_2000_lossy, 40),
    (HTJ2KLossless, htj2k, 0),
    (HTJ2KLosslessRPCL, htj2k, 0),
    (HTJ2K, htj2k_lossy, 40),
]


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda syntax: syntax.name,
)
def test_uncompressed_values_are_read_exactly(syntax: UID, reading: Reading) -> None:
    read = reading(make_dicom(RAMP, syntax=syntax, **AS_STORED))
    assert np.array_equal(read.pixels, RAMP)
    assert read.header.transfer_syntax == syntax


@pytest.mark.parametrize(
    ("syntax", "encode", "error"), COMPRESSED, ids=[syntax.name for syntax, _, _ in COMPRESSED]
)
def test_compressed_values_are_read_within_the_loss_of_their_codec(
    syntax: UID, encode: Callable[[Image], bytes], error: int, reading: Reading
) -> None:
    data = make_dicom(SMOOTH, syntax=syntax, frames=[encode(SMOOTH)], **AS_STORED)
    read = reading(data).pixels.astype(np.int64)
    assert np.abs(read - SMOOTH).max() <= error


def test_baseline_jpeg_without_a_window_stays_8_bit(reading: Reading) -> None:
    grey = (SMOOTH >> 4).astype(np.uint8)
    frame = bytes(imagecodecs.jpeg8_encode(grey, level=98))
    read = reading(make_dicom(grey, syntax=JPEGBaseline8Bit, frames=[frame]))
    assert read.pixels.dtype == np.uint8
    assert np.abs(read.pixels.astype(int) - grey).max() <= 3


@pytest.mark.parametrize("image", [RAMP, BYTES, np.dstack([BYTES, BYTES, BYTES])])
def test_rle_is_read_exactly(image: Image, reading: Reading) -> None:
    def compress(dataset: Dataset) -> None:
        dataset.compress(RLELossless, image, generate_instance_uid=False)

    window = AS_STORED if image is RAMP else {}
    read = reading(make_dicom(image, syntax=RLELossless, spoil=compress, **window))
    assert np.array_equal(read.pixels, image if image.ndim == 2 else image[..., 0])


def test_an_odd_number_of_bytes_is_read(reading: Reading) -> None:
    image = BYTES[:47, :63]
    assert np.array_equal(reading(make_dicom(image)).pixels, image)


def test_bytes_in_big_endian_words_are_swapped(reading: Reading) -> None:
    def as_words(dataset: Dataset) -> None:
        dataset.PixelData = BYTES.view(">u2").astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"

    read = reading(make_dicom(BYTES, syntax=ExplicitVRBigEndian, spoil=as_words))
    assert np.array_equal(read.pixels, BYTES)


def test_32_bits_are_read(reading: Reading) -> None:
    deep = RAMP.astype(np.uint32) * 100_000
    span = str(3071 * 100_000)
    window = {"WindowCenter": str(3071 * 50_000), "WindowWidth": span}
    read = reading(make_dicom(deep, VOILUTFunction="LINEAR_EXACT", **window))
    expected = np.rint(RAMP / 3071 * 65535)
    assert np.abs(read.pixels - expected).max() <= 1


def test_single_bits_are_read(reading: Reading) -> None:
    bits = (RAMP // 7 % 2).astype(np.uint8)

    def pack(dataset: Dataset) -> None:
        dataset.BitsAllocated = dataset.BitsStored = 1
        dataset.HighBit = 0
        dataset.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()

    read = reading(make_dicom(bits, spoil=pack))
    assert np.array_equal(read.pixels > 0, bits > 0)


def test_overlays_in_unused_bits_are_masked(reading: Reading) -> None:
    dirty = (RAMP | 0xF000).astype(np.uint16)
    window = {"WindowCenter": "2047.5", "WindowWidth": "4095", "VOILUTFunction": "LINEAR_EXACT"}
    clean = reading(make_dicom(RAMP, BitsStored=12, **window)).pixels
    assert np.array_equal(reading(make_dicom(dirty, BitsStored=12, **window)).pixels, clean)
    shifted = (RAMP << 4 | 0xF).astype(np.uint16)
    moved = make_dicom(shifted, BitsStored=12, HighBit=15, **window)
    assert np.array_equal(reading(moved).pixels, clean)


def test_overlays_in_unused_bits_of_rle_are_masked(reading: Reading) -> None:
    def compress(dataset: Dataset) -> None:
        dataset.compress(RLELossless, dirty, generate_instance_uid=False)
        dataset.BitsStored, dataset.HighBit = 12, 11

    dirty = (RAMP | 0xF000).astype(np.uint16)
    window = {"WindowCenter": "2047.5", "WindowWidth": "4095", "VOILUTFunction": "LINEAR_EXACT"}
    clean = reading(make_dicom(RAMP, BitsStored=12, **window)).pixels
    read = reading(make_dicom(RAMP, syntax=RLELossless, spoil=compress, **window))
    assert np.array_equal(read.pixels, clean)


def test_explicit_elements_with_an_implicit_transfer_syntax_are_read(reading: Reading) -> None:
    data = make_dicom(RAMP, **AS_STORED)
    explicit, implicit = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"
    assert data.count(explicit) == 1
    assert np.array_equal(reading(data.replace(explicit, implicit)).pixels, RAMP)


@pytest.mark.parametrize("bits", [12, 16])
def test_negative_values_keep_their_order(bits: int, reading: Reading) -> None:
    signed = RAMP.astype(np.int16) - 1500
    stored = signed if bits == 16 else (signed & 0xFFF).astype(np.int16)  # sign not extended
    window = {"WindowCenter": "0", "WindowWidth": "4096", "VOILUTFunction": "LINEAR_EXACT"}
    read = reading(make_dicom(stored, BitsStored=bits, PixelRepresentation=1, **window))
    assert np.array_equal(read.pixels, np.rint((signed / 4096 + 0.5) * 65535))


@pytest.mark.parametrize("encode", [jpeg_2000, jpeg_ls(0)])
def test_negative_values_survive_compression(
    encode: Callable[[Image], bytes], reading: Reading
) -> None:
    signed = RAMP.astype(np.int16) - 1500
    is_2000 = encode is jpeg_2000
    # JPEG-LS has no signed samples: the bits are stored and the header gives the sign.
    frame = encode(signed if is_2000 else signed.view(np.uint16))
    syntax = JPEG2000Lossless if is_2000 else JPEGLSLossless
    window = {"WindowCenter": "0", "WindowWidth": "4096", "VOILUTFunction": "LINEAR_EXACT"}
    read = reading(make_dicom(signed, syntax=syntax, frames=[frame], **window))
    assert np.array_equal(read.pixels, np.rint((signed / 4096 + 0.5) * 65535))


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb_is_converted_to_luminance(planar: int, reading: Reading) -> None:
    colours = np.dstack([BYTES, BYTES[::-1], BYTES[:, ::-1]])
    stored = np.moveaxis(colours, -1, 0).reshape(colours.shape) if planar else colours
    read = reading(make_dicom(np.ascontiguousarray(stored), PlanarConfiguration=planar))
    luminance = np.rint(colours @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(read.pixels - luminance).max() <= 1


def test_the_luminance_of_ybr_is_read(reading: Reading) -> None:
    colours = np.dstack([BYTES, np.full_like(BYTES, 90), np.full_like(BYTES, 200)])
    read = reading(make_dicom(colours, PhotometricInterpretation="YBR_FULL"))
    assert np.array_equal(read.pixels, BYTES)


def test_the_luminance_of_subsampled_ybr_is_read(reading: Reading) -> None:
    def subsample(dataset: Dataset) -> None:
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
        dataset.PhotometricInterpretation = "YBR_FULL_422"
        pairs = BYTES.reshape(-1, 2)
        dataset.PixelData = np.hstack([pairs, np.full_like(pairs, 128)]).tobytes()

    assert np.array_equal(reading(make_dicom(BYTES, spoil=subsample)).pixels, BYTES)


def test_ybr_full_422_with_full_chrominance_is_read(reading: Reading) -> None:
    colours = np.dstack([BYTES, BYTES, BYTES])
    data = make_dicom(colours, PhotometricInterpretation="YBR_FULL_422")
    assert np.array_equal(reading(data).pixels, BYTES)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_the_luminance_of_a_colour_jpeg_is_read(photometric: str, reading: Reading) -> None:
    light = (SMOOTH >> 4).astype(np.uint8)
    colours = np.dstack([np.zeros_like(light), light, light])  # without red
    space = "RGB" if photometric == "RGB" else "YCBCR"
    options = {"level": 98, "outcolorspace": space, "subsampling": "444"}
    data = make_dicom(
        colours,
        syntax=JPEGBaseline8Bit,
        frames=[bytes(imagecodecs.jpeg8_encode(colours, **options))],
        PhotometricInterpretation=photometric,
    )
    assert np.abs(reading(data).pixels - 0.701 * light).max() <= 4


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_colour_jpeg_is_read_with_and_without_its_marker(
    photometric: str, reading: Reading
) -> None:
    grey = (SMOOTH >> 4).astype(np.uint8)
    colours = np.dstack([grey, grey, grey])
    space = "RGB" if photometric == "RGB" else "YCBCR"
    frame = bytes(imagecodecs.jpeg8_encode(colours, level=98, outcolorspace=space))
    for stream in (frame, without_markers(frame)):
        data = make_dicom(
            colours, syntax=JPEGBaseline8Bit, frames=[stream], PhotometricInterpretation=photometric
        )
        assert np.abs(reading(data).pixels.astype(int) - grey).max() <= 4


def without_markers(stream: bytes) -> bytes:
    """Return a JPEG stream without APP0 and APP14."""
    position = 2
    while stream[position + 1] in {0xE0, 0xEE}:
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        stream = stream[:position] + stream[position + 2 + length :]
    return stream


def test_colour_jpeg_2000_is_read(reading: Reading) -> None:
    colours = np.dstack([BYTES, BYTES, BYTES])
    data = make_dicom(
        colours,
        syntax=JPEG2000Lossless,
        frames=[jpeg_2000(colours)],
        PhotometricInterpretation="YBR_RCT",
    )
    assert np.array_equal(reading(data).pixels, BYTES)


def test_the_first_of_several_frames_is_read(reading: Reading) -> None:
    def double(dataset: Dataset) -> None:
        dataset.NumberOfFrames = 2
        dataset.PixelData = RAMP.tobytes() + RAMP[::-1].tobytes()

    read = reading(make_dicom(RAMP, spoil=double, **AS_STORED))
    assert np.array_equal(read.pixels, RAMP)
    assert read.header.frames == 2
    frames = [jpeg_ls(0)(RAMP), jpeg_ls(0)(RAMP[::-1])]
    data = make_dicom(RAMP, syntax=JPEGLSLossless, frames=frames, NumberOfFrames=2, **AS_STORED)
    assert np.array_equal(reading(data).pixels, RAMP)


def test_a_frame_in_many_fragments_without_a_delimiter_is_read(reading: Reading) -> None:
    def scatter(dataset: Dataset) -> None:
        dataset.PixelData = encapsulate([jpeg_2000(RAMP)], fragments_per_frame=5)

    data = make_dicom(
        RAMP, syntax=JPEG2000Lossless, frames=[b"\x00\x00"], spoil=scatter, **AS_STORED
    )
    delimiter = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    assert data.endswith(delimiter)
    assert np.array_equal(reading(data).pixels, RAMP)
    assert np.array_equal(reading(data.removesuffix(delimiter)).pixels, RAMP)
