"""Content determines the format; the name only how unknown content is counted."""

from __future__ import annotations

import struct

import pytest

from radiograph.errors import NotAnImage, TruncatedFile, UnknownContent
from radiograph.recognition import recognise
from radiograph.records import ImageFormat

MODALITY = struct.pack("<HHL", 0x0008, 0x0060, 2) + b"CR"
IMPLICIT = struct.pack("<HHL", 0x0008, 0x0005, 10) + b"ISO_IR 100" + MODALITY + bytes(12)
EXPLICIT = struct.pack("<HH2sH", 0x0008, 0x0016, b"UI", 26) + b"1.2.840.10008.5.1.4.1.1.1\x00"
EXPLICIT += struct.pack("<HH2sH", 0x0008, 0x0060, b"CS", 2) + b"CR" + bytes(12)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x00" * 128 + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00", ImageFormat.DICOM),
        (b"II*\x00" + bytes(124) + b"DICM\x02\x00\x00\x00UL\x04\x00", ImageFormat.DICOM),
        (IMPLICIT, ImageFormat.DICOM),
        (EXPLICIT, ImageFormat.DICOM),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 9, ImageFormat.PNG),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", ImageFormat.JPEG),
        (b"II*\x00\x08\x00\x00\x00", ImageFormat.TIFF),
        (b"MM\x00*\x00\x00\x00\x08", ImageFormat.TIFF),
        (b"II+\x00\x08\x00\x00\x00", ImageFormat.TIFF),
    ],
)
@pytest.mark.parametrize("name", ["IM000001", "x.txt", "x.dcm"])
def test_content_is_recognised_under_any_name(
    head: bytes, expected: ImageFormat, name: str
) -> None:
    assert recognise(head, name) is expected


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"<!DOCTYPE html><html>", "page.dcm", UnknownContent),
        (b"", "empty.DCM", TruncatedFile),
        (b"", "empty", NotAnImage),
        (b"read me first", "README.txt", NotAnImage),
        (b"\x08\x00", "stub", NotAnImage),
        (b"\x08\x00\x05\x00\xff\xff\xff\xff", "noise.bin", NotAnImage),
        (
            b"\x00" * 128 + b"DICM" + b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10",
            "DICOMDIR",
            NotAnImage,
        ),
    ],
)
def test_unknown_content_is_counted_by_its_name(
    head: bytes, name: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        recognise(head, name)
