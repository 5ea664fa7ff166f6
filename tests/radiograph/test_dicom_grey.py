"""Grey levels: black is air, and each table and window of the header is applied once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiograph.errors import BrokenHeader, UniformPixels
from radiograph.image import Radiograph
from testbed.dicom_files import RAMP, make_dicom

Reading = Callable[..., Radiograph]
TOP = 65535
#: Window from 0 (black) to 3071 (white).
FULL = {"WindowCenter": "1535.5", "WindowWidth": "3071", "VOILUTFunction": "LINEAR_EXACT"}
SHADES = np.rint(RAMP / 3071 * TOP)


def lut(first: int, entries: list[int], bits: int = 16) -> Dataset:
    """Return the item of a LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "US", entries)
    return item


@pytest.mark.parametrize(
    ("elements", "inverted"),
    [
        ({}, False),
        ({"PresentationLUTShape": "IDENTITY"}, False),
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
    ],
)
def test_monochrome1_is_inverted_once(
    elements: dict[str, Any], inverted: bool, reading: Reading
) -> None:
    read = reading(make_dicom(RAMP, **FULL, **elements)).pixels
    assert read.dtype == np.uint16
    assert np.abs(read - (TOP - SHADES if inverted else SHADES)).max() <= 1
    grey = (RAMP >> 4).astype(np.uint8)
    plain = reading(make_dicom(grey, **elements)).pixels
    assert np.array_equal(plain, 255 - grey if inverted else grey)


@pytest.mark.parametrize(
    ("function", "center", "width", "shown"),
    [
        # PS3.3 C.11.2.1.2.1: (x - (c - 0.5)) / (w - 1) + 0.5
        ("LINEAR", 1000, 501, lambda x: np.clip((x - 999.5) / 500 + 0.5, 0, 1)),
        (None, 1000, 501, lambda x: np.clip((x - 999.5) / 500 + 0.5, 0, 1)),
        ("LINEAR_EXACT", 1000, 500, lambda x: np.clip((x - 1000) / 500 + 0.5, 0, 1)),
        ("SIGMOID", 1000, 500, lambda x: 1 / (1 + np.exp(-4 * (x - 1000) / 500))),
    ],
)
def test_a_window_follows_the_standard(
    function: str | None,
    center: int,
    width: int,
    shown: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    reading: Reading,
) -> None:
    elements = {"WindowCenter": str(center), "WindowWidth": str(width)}
    if function is not None:
        elements["VOILUTFunction"] = function
    read = reading(make_dicom(RAMP, **elements)).pixels
    assert np.abs(read - shown(RAMP.astype(np.float64)) * TOP).max() <= 0.51


def test_the_first_of_several_windows_is_used(reading: Reading) -> None:
    several = {"WindowCenter": ["1535.5", "100"], "WindowWidth": ["3071", "50"]}
    read = reading(make_dicom(RAMP, VOILUTFunction="LINEAR_EXACT", **several)).pixels
    assert np.abs(read - SHADES).max() <= 1


def test_a_window_of_zero_width_is_skipped(reading: Reading) -> None:
    several = {"WindowCenter": ["100", "1535.5"], "WindowWidth": ["0", "3071"]}
    read = reading(make_dicom(RAMP, VOILUTFunction="LINEAR_EXACT", **several)).pixels
    assert np.abs(read - SHADES).max() <= 1


@pytest.mark.parametrize(
    ("center", "width"),
    [
        ("60000", "100"),
        ("1500", "10"),
        ("-500", "20"),
        ("1500", "0"),
        ("1500", "-5"),
        ("0", "100000000"),
        ("", ""),
    ],
)
def test_an_implausible_window_is_replaced_by_the_range_of_the_pixels(
    center: str, width: str, reading: Reading
) -> None:
    read = reading(make_dicom(RAMP, WindowCenter=center, WindowWidth=width)).pixels
    assert np.array_equal(read, reading(make_dicom(RAMP)).pixels)


def test_without_a_window_outliers_do_not_set_the_range(reading: Reading) -> None:
    image = np.kron(RAMP, np.ones((6, 6), np.uint16))
    image[96:104, 96:104] = 65535  # a lead marker
    read = reading(make_dicom(image)).pixels
    assert read[100, 100] == TOP
    assert np.median(read) == pytest.approx(TOP / 2, rel=0.05)


def test_a_rescale_comes_before_the_window(reading: Reading) -> None:
    elements = {"RescaleSlope": "2", "RescaleIntercept": "-1000"}
    window = {"WindowCenter": "2071", "WindowWidth": "6142", "VOILUTFunction": "LINEAR_EXACT"}
    read = reading(make_dicom(RAMP, **elements, **window)).pixels
    assert np.abs(read - SHADES).max() <= 1


def test_a_negative_rescale_slope_inverts_grey_levels(reading: Reading) -> None:
    elements = {"RescaleSlope": "-1", "RescaleIntercept": "3071"}
    read = reading(make_dicom(RAMP, **elements, **FULL)).pixels
    assert np.abs(read - (TOP - SHADES)).max() <= 1


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_modality_table_maps_stored_values(syntax: Any, reading: Reading) -> None:
    squares = [round((value / 3071) ** 2 * 3071) for value in range(3072)]

    def add(dataset: Dataset) -> None:
        dataset.ModalityLUTSequence = [lut(0, squares)]

    read = reading(make_dicom(RAMP, syntax=syntax, spoil=add, **FULL)).pixels
    assert np.abs(read - np.array(squares)[RAMP] / 3071 * TOP).max() <= 1


def test_a_voi_lut_takes_precedence_over_a_window_and_is_constant_beyond_its_ends(
    reading: Reading,
) -> None:
    entries = [round(1000 * (value / 500) ** 0.5) for value in range(501)]

    def add(dataset: Dataset) -> None:
        dataset.VOILUTSequence = [lut(1000, entries, bits=12), lut(0, [1, 2, 3])]

    read = reading(make_dicom(RAMP, spoil=add, **FULL)).pixels
    expected = np.array(entries)[np.clip(RAMP.astype(int) - 1000, 0, 500)] / 1000 * TOP
    assert np.abs(read - expected).max() <= 1


def test_a_lut_of_signed_values_may_begin_below_zero(reading: Reading) -> None:
    signed = RAMP.astype(np.int16) - 1500

    def add(dataset: Dataset) -> None:
        dataset.VOILUTSequence = [lut(65536 - 1500, list(range(3072)))]

    read = reading(make_dicom(signed, spoil=add)).pixels
    assert np.abs(read - SHADES).max() <= 1


def test_a_lut_in_big_endian_words_is_read(reading: Reading) -> None:
    def add(dataset: Dataset) -> None:
        item = lut(0, [0, 1])
        item.add_new("LUTDescriptor", "US", [3072, 0, 16])
        item.add_new("LUTData", "OW", np.arange(3072).astype(">u2").tobytes())
        dataset.VOILUTSequence = [item]

    read = reading(make_dicom(RAMP, syntax=ExplicitVRBigEndian, spoil=add)).pixels
    assert np.abs(read - SHADES).max() <= 1


def test_a_lut_in_bytes_is_read(reading: Reading) -> None:
    def add(dataset: Dataset) -> None:
        item = lut(0, [0, 1])
        item.add_new("LUTDescriptor", "US", [256, 0, 8])
        item.add_new("LUTData", "OW", bytes(range(255, -1, -1)))
        dataset.VOILUTSequence = [item]

    grey = (RAMP >> 4).astype(np.uint8)
    read = reading(make_dicom(grey, spoil=add)).pixels
    assert np.array_equal(read, (255 - grey.astype(int)) * 257)


def test_a_lut_shorter_than_its_descriptor_is_replaced_by_the_window(reading: Reading) -> None:
    def add(dataset: Dataset) -> None:
        item = lut(0, [5, 6, 7])
        item.add_new("LUTDescriptor", "US", [3072, 0, 16])
        dataset.VOILUTSequence = [item]

    assert np.abs(reading(make_dicom(RAMP, spoil=add, **FULL)).pixels - SHADES).max() <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 65000])
def test_padding_is_black_and_ignored_for_the_range(
    photometric: str, limit: int | None, reading: Reading
) -> None:
    padded = np.full((96, 128), 65535, np.uint16)
    padded[16:64, 32:96] = RAMP
    padded[0, 0] = 65535 if limit is None else 65123
    elements: dict[str, Any] = {"PhotometricInterpretation": photometric}

    def add(dataset: Dataset) -> None:
        dataset.add_new("PixelPaddingValue", "US", 65535)
        if limit is not None:
            dataset.add_new("PixelPaddingRangeLimit", "US", limit)

    read = reading(make_dicom(padded, spoil=add, **elements)).pixels
    image = read[16:64, 32:96]
    assert not read[:16].any()
    assert not read[64:].any()
    assert image.max() > 0.99 * TOP
    rising = np.corrcoef(image.ravel(), RAMP.ravel())[0, 1]
    assert abs(rising) > 0.99
    assert (rising < 0) == (photometric == "MONOCHROME1")


def test_padding_of_signed_pixels_may_be_written_unsigned(reading: Reading) -> None:
    signed = RAMP.astype(np.int16) - 1500
    signed[:8] = -2000

    def add(dataset: Dataset) -> None:
        dataset.add_new("PixelPaddingValue", "US", 65536 - 2000)

    data = make_dicom(signed, syntax=ExplicitVRLittleEndian, spoil=add, PixelRepresentation=1)
    inverse = data.replace(b"MONOCHROME2", b"MONOCHROME1")
    assert not reading(inverse).pixels[:8].any()
    assert reading(inverse).pixels[8:24].min() > 0


def test_padding_that_covers_everything_is_ignored(reading: Reading) -> None:
    def add(dataset: Dataset) -> None:
        dataset.add_new("PixelPaddingValue", "US", 0)
        dataset.add_new("PixelPaddingRangeLimit", "US", 65535)

    assert np.array_equal(
        reading(make_dicom(RAMP, spoil=add)).pixels, reading(make_dicom(RAMP)).pixels
    )


def palette(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        entries = (np.arange(256) * 257).astype("<u2").tobytes()
        dataset.add_new(f"{colour}PaletteColorLookupTableData", "OW", entries)


def test_a_palette_is_looked_up(reading: Reading) -> None:
    numbers = (RAMP >> 4).astype(np.uint8)
    read = reading(make_dicom(numbers, spoil=palette)).pixels
    assert np.abs(read - numbers.astype(int) * 257).max() <= 1


def test_a_missing_palette_is_a_broken_header(reading: Reading) -> None:
    with pytest.raises(BrokenHeader):
        reading(make_dicom((RAMP >> 4).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_uniform_pixels_are_refused(dtype: type[np.generic], reading: Reading) -> None:
    with pytest.raises(UniformPixels):
        reading(make_dicom(np.full((32, 32), 100, dtype)))


def test_detail_between_the_sampled_pixels_is_not_lost(reading: Reading) -> None:
    image = np.full((64, 64), 1000, np.uint16)
    image[3::8, 3::8] = 2000
    read = reading(make_dicom(image)).pixels
    assert read[3, 3] > read[0, 0]


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": "1e308", "RescaleIntercept": "0"},
        {"RescaleSlope": "1e-320", "RescaleIntercept": "1"},
        {"RescaleSlope": "1", "RescaleIntercept": "1e38"},
        {"WindowCenter": "1e308", "WindowWidth": "1e308"},
        {"RescaleSlope": "-1e308", "WindowCenter": "-1e308", "WindowWidth": "1"},
    ],
)
def test_a_transformation_that_leaves_no_contrast_is_ignored(
    reading: Reading, elements: dict[str, Any]
) -> None:
    plain = reading(make_dicom(RAMP)).pixels
    assert np.array_equal(reading(make_dicom(RAMP, **elements)).pixels, plain)
