"""Headers as bytes, so that elements may hold what pydicom would not write."""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_VR, tag_for_keyword

#: A header of which nothing is malformed.
SOUND: dict[str, bytes] = {
    "SpecificCharacterSet": b"ISO_IR 100",
    "SOPClassUID": b"1.2.840.10008.5.1.4.1.1.1",
    "SOPInstanceUID": b"1.2.826.0.1.3680043.8.498.1001",
    "StudyDate": b"20240517",
    "StudyTime": b"081530",
    "AccessionNumber": b"ACC-77231",
    "Modality": b"CR",
    "ReferringPhysicianName": b"Overweg^Rita",
    "StudyDescription": b"Thorax PA",
    "PatientName": b"Grzeskowiak^Anna",
    "PatientID": b"PID-5543219",
    "IssuerOfPatientID": b"KLINIK-NORD",
    "PatientBirthDate": b"19620313",
    "PatientSex": b"F",
    "PatientAge": b"062Y",
    "BodyPartExamined": b"CHEST",
    "ViewPosition": b"PA",
    "StudyInstanceUID": b"1.2.826.0.1.3680043.8.498.1002",
    "SeriesInstanceUID": b"1.2.826.0.1.3680043.8.498.1003",
    "StudyID": b"STUDY-90817",
    "SamplesPerPixel": struct.pack("<H", 1),
    "PhotometricInterpretation": b"MONOCHROME2",
    "Rows": struct.pack("<H", 2048),
    "Columns": struct.pack("<H", 2500),
    "PixelSpacing": b"0.168\\0.168",
    "BitsAllocated": struct.pack("<H", 16),
    "BitsStored": struct.pack("<H", 12),
    "HighBit": struct.pack("<H", 11),
    "PixelRepresentation": struct.pack("<H", 0),
    "WindowCenter": b"2048",
    "WindowWidth": b"4096",
}


def encoded_header(changed: dict[str, bytes | None]) -> bytes:
    """Return a data set in implicit little endian, without preamble; None leaves an element out."""
    elements = {}
    for keyword, value in (SOUND | changed).items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        if value is not None:
            padding = b"\0" if dictionary_VR(tag) == "UI" else b" "
            elements[tag] = value + padding * (len(value) % 2)
    return b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in sorted(elements.items())
    )
