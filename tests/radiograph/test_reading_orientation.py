"""Every orientation is turned upright, and coordinates map back to the file."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from radiograph.image import Radiograph
from radiograph.reading.orientation import Turn, exif_turn, patient_turn
from testbed.dicom_files import RAMP, make_dicom

Reading = Callable[..., Radiograph]
SHADES = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)
MARKER = (5, 50)  # row, column of a bright spot in the upright image
EXIF_ORIENTATION = 0x0112


def picture() -> npt.NDArray[np.uint8]:
    upright = SHADES.copy()
    row, column = MARKER
    upright[row - 1 : row + 2, column - 1 : column + 2] = 255
    return upright


#: EXIF 2.32 table 6: the stored image for each orientation.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: np.rot90(upright, -1),
}


def check(radiograph: Radiograph, stored: npt.NDArray[np.uint8], tolerance: int) -> None:
    row, column = MARKER
    assert radiograph.pixels.shape == (48, 64)
    assert np.abs(radiograph.pixels.astype(int) - picture()).max() <= tolerance
    x, y = radiograph.to_source @ [column, row, 1.0]
    assert abs(int(stored[int(y), int(x)]) - 255) <= tolerance
    assert (radiograph.header.rows, radiograph.header.columns) == stored.shape


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 24), ("TIFF", 0), ("PNG", 0)])
def test_exif_orientation_turns_an_image_upright(
    orientation: int, kind: str, tolerance: int, reading: Reading
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](picture()))
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, kind, exif=exif, quality=95)
    check(reading(buffer.getvalue(), "image"), stored, tolerance)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_and_its_inverse_cancel(orientation: int) -> None:
    turn = exif_turn(orientation)
    stored = STORED[orientation](RAMP)
    assert np.array_equal(turn.upright(stored), RAMP)
    assert np.array_equal(turn.stored(RAMP), stored)


@pytest.mark.parametrize("junk", [0, 9, "6", None, b"\x06"])
def test_an_invalid_exif_orientation_is_ignored(junk: object) -> None:
    assert exif_turn(junk) == Turn()


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (["L", "F"], lambda upright: upright),
        (["R", "F"], lambda upright: upright[:, ::-1]),
        (["L", "H"], lambda upright: upright[::-1]),
        (["R", "H"], lambda upright: upright[::-1, ::-1]),
        (["RP", "FA"], lambda upright: upright[:, ::-1]),
        (["F", "L"], lambda upright: upright.T),
        (["F", "R"], np.rot90),
        (["H", "L"], lambda upright: np.rot90(upright, -1)),
        ("", lambda upright: upright),
        (["A", "F"], lambda upright: upright),
    ],
)
def test_the_patients_right_is_image_left(
    orientation: list[str] | str,
    stored: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]],
    reading: Reading,
) -> None:
    raster = np.ascontiguousarray(stored(picture()))
    check(reading(make_dicom(raster, PatientOrientation=orientation)), raster, 0)


def test_an_incomplete_patient_orientation_is_used_as_far_as_possible() -> None:
    assert patient_turn(["R"]) == Turn(mirror=True)
    assert patient_turn([]) == Turn()
