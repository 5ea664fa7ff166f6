"""Invalid DICOM headers: every element that is read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from random import Random

from pydicom import dcmread, dcmwrite
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.fuzz.radiographs import PATIENT, valid_files

_NUMBERS = (0, 1, 2, 3, 7, 8, 9, 12, 16, 17, 32, 127, 191, 192, 193, 255, 256, 4096, 32767, 65535)
_TEXTS = (
    *(b"", b"\0", b" ", b"0", b"-1", b"1", b"1e999", b"NaN", b"-inf", b"1\\0", b"0\\0", b"1\\2\\3"),
    *(
        b"9" * 400,
        b"\xff" * 64,
        b"\x1b$B\x1b(J" * 20,
        b"\\" * 500,
        PATIENT.encode(),
        b"MONOCHROME1",
    ),
    *(b"MONOCHROME2", b"RGB", b"PALETTE COLOR", b"YBR_FULL_422", b"DX", b"CT", b"SR", b"CHEST"),
    *(b"LL", b"AP", b"PA", b"L\\F", b"R\\F", b"A\\F", b"X\\Y", b"P\\H", b"043Y", b"43", b"999Y"),
    *(b"20190231", b"99999999", b"19000101", b"ISO_IR 192", b"ISO 2022 IR 87\\", b"GB18030"),
    *(b"SIGMOID", b"LINEAR_EXACT", b"INVERSE", b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.5"),
    *(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.102", b"1.2.3"),
)
_UNDEFINED = 0xFFFFFFFF
#: Radiographs in explicit VR, little endian, whose header is not compressed.
_EXPLICIT = (
    *("ExplicitVRLittleEndian", "JPEG2000Lossless", "JPEGLosslessSV1", "RLELossless"),
    *("JPEGLSLossless", "HTJ2KLossless", "JPEGBaseline8Bit"),
)
#: (group, element, VR) of elements that are read.
_ELEMENTS = (
    *(
        (0x0028, 0x0010, "US"),
        (0x0028, 0x0011, "US"),
        (0x0028, 0x0100, "US"),
        (0x0028, 0x0101, "US"),
    ),
    *(
        (0x0028, 0x0102, "US"),
        (0x0028, 0x0103, "US"),
        (0x0028, 0x0002, "US"),
        (0x0028, 0x0006, "US"),
    ),
    *(
        (0x0028, 0x0004, "CS"),
        (0x0028, 0x0008, "IS"),
        (0x0028, 0x1050, "DS"),
        (0x0028, 0x1051, "DS"),
    ),
    *(
        (0x0028, 0x1052, "DS"),
        (0x0028, 0x1053, "DS"),
        (0x0028, 0x1056, "CS"),
        (0x0028, 0x0030, "DS"),
    ),
    *(
        (0x0018, 0x1164, "DS"),
        (0x0010, 0x1010, "AS"),
        (0x0010, 0x0040, "CS"),
        (0x0010, 0x0030, "DA"),
    ),
    *(
        (0x0008, 0x0020, "DA"),
        (0x0008, 0x0060, "CS"),
        (0x0018, 0x0015, "CS"),
        (0x0018, 0x5101, "CS"),
    ),
    *(
        (0x0020, 0x0020, "CS"),
        (0x0008, 0x0005, "CS"),
        (0x0010, 0x0010, "PN"),
        (0x0010, 0x0020, "LO"),
    ),
    *(
        (0x0020, 0x000D, "UI"),
        (0x0008, 0x0018, "UI"),
        (0x2050, 0x0020, "CS"),
        (0x0008, 0x0016, "UI"),
    ),
)


def hostile_header(random: Random) -> bytes:
    """Give some elements of a valid radiograph other raw values: any bytes, any VR."""
    content = valid_files()[random.choice(_EXPLICIT)]
    elements = {(0x10, 0x10): ("PN", PATIENT.encode() + b" ")}
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        group, element, vr = random.choice(_ELEMENTS)
        if vr == "US" and random.random() < 0.9:
            value = struct.pack("<H", random.choice(_NUMBERS)) * random.choice((1, 1, 1, 2))
        else:
            value = random.choice(_TEXTS)
        elements[group, element] = (vr, value + b" " * (len(value) % 2))
    return replaced(content, elements)


def other_syntax(random: Random) -> bytes:
    """Declare another transfer syntax than that of the pixels."""
    files = valid_files()
    content = files[random.choice([name for name in files if name[0].isupper()])]
    uids = [each for each in _TEXTS if each.startswith(b"1.2.")]
    dataset = dcmread(io.BytesIO(content), force=True)
    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        return content
    value = random.choice(uids)
    meta[Tag(2, 0x10)] = _raw(2, 0x10, "UI", value + b"\0" * (len(value) % 2))
    found = content.find(b"\x02\x00\x10\x00UI")
    end = found + 8 + struct.unpack_from("<H", content, found + 6)[0]
    padded = value + b"\0" * (len(value) % 2)
    return content[: found + 6] + struct.pack("<H", len(padded)) + padded + content[end:]


def strange_tables(random: Random) -> bytes:
    """Add invalid look-up tables: wrong counts, wrong depths, no data."""
    dataset = _dataset(random)
    item = Dataset()
    descriptor = [random.choice(_NUMBERS) for _ in range(random.choice((1, 2, 3, 4)))]
    item[Tag(0x28, 0x3002)] = _raw(
        0x28, 0x3002, "US", b"".join(struct.pack("<H", each) for each in descriptor)
    )
    if random.random() < 0.8:
        data = random.randbytes(2 * random.choice((0, 1, 16, 4096)))
        item[Tag(0x28, 0x3006)] = _raw(0x28, 0x3006, "OW", data)
    tag = random.choice(((0x0028, 0x3010), (0x0028, 0x3000)))
    dataset.add_new(Tag(*tag), "SQ", Sequence([item] * random.choice((1, 2))))
    return _written(dataset)


def nested_deeply(random: Random) -> bytes:
    """Nest sequences deeply."""
    inner = Dataset()
    inner.PatientName = PATIENT
    for _ in range(random.choice((3, 30, 150))):
        outer = Dataset()
        outer.add_new(Tag(0x0008, 0x1140), "SQ", Sequence([inner]))
        inner = outer
    dataset = _dataset(random)
    dataset.update(inner)
    return _written(dataset)


def unending_element(random: Random) -> bytes:
    """Insert an element of undefined or enormous length before the pixels."""
    content = valid_files()["ExplicitVRLittleEndian"]
    at = content.index(b"\x28\x00\x02\x00US")
    vr = random.choice((b"SQ", b"UN", b"OB", b"UT", b"OW"))
    length = random.choice((0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 1 << 20))
    inserted = struct.pack("<HH", 0x0019, 0x1001) + vr + b"\0\0" + struct.pack("<I", length)
    return content[:at] + inserted + random.randbytes(random.choice((0, 8, 64))) + content[at:]


def private_elements(random: Random) -> bytes:
    """Add thousands of private elements, some large."""
    dataset = _dataset(random)
    for number in range(random.choice((10, 3000))):
        group, element = 0x0019 + 2 * (number // 200), 0x1000 + number % 200
        dataset[Tag(group, element)] = _raw(group, element, "UN", random.randbytes(4))
    return _written(dataset)


def deflated_bomb(random: Random) -> bytes:
    """Deflate a gigabyte of zeros into a megabyte."""
    content = valid_files()["DeflatedExplicitVRLittleEndian"]
    start = 132 + 12 + struct.unpack_from("<I", content, 140)[0]
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    pieces = [packer.compress(struct.pack("<HH", 0x0009, 0x1001) + b"UN\0\0" + b"\0\0\0\x40")]
    block = bytes(1 << 20)
    pieces += [packer.compress(block) for _ in range(random.choice((8, 1024)))]
    return content[:start] + b"".join(pieces) + packer.flush()


def _dataset(random: Random) -> Dataset:
    files = valid_files()
    names = [name for name in files if name[0].isupper() and "bare" not in name]
    dataset = dcmread(io.BytesIO(files[random.choice(names)]))
    dataset[Tag(0x0010, 0x0010)] = _raw(0x10, 0x10, "PN", PATIENT.encode() + b" ")
    return dataset


def replaced(content: bytes, elements: Mapping[tuple[int, int], tuple[str, bytes]]) -> bytes:
    """Return a file of explicit VR, little endian, with other elements of any value.

    pydicom would check the values, and refuse some.
    """
    dataset = dcmread(io.BytesIO(content))
    start = 132 + 12 + struct.unpack_from("<I", content, 140)[0]
    tags = {(tag.group, tag.element) for tag in list(dataset.keys())} | elements.keys()
    written = [content[:start]]
    for group, element in sorted(tags):
        found = dataset.get_item((group, element)) if (group, element) not in elements else None
        vr, value = elements.get((group, element), ("", b""))
        length = len(value)
        if isinstance(found, DataElement):  # pydicom parses the character set at once
            text = str(found.value).encode()
            vr, value = found.VR, text + b" " * (len(text) % 2)
            length = len(value)
        elif isinstance(found, RawDataElement):
            vr, value, length = found.VR or "UN", found.value or b"", found.length
        short = vr not in {"OB", "OW", "SQ", "UN", "UT"}
        written.append(struct.pack("<HH", group, element) + vr.encode())
        written.append(
            struct.pack("<H" if short else "<HI", *((length,) if short else (0, length)))
        )
        written.append(value)
        if length == _UNDEFINED:
            written.append(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    return b"".join(written)


def _raw(group: int, element: int, vr: str, value: bytes) -> RawDataElement:
    return RawDataElement(
        Tag(group, element), vr, len(value), value, 0, is_implicit_VR=False, is_little_endian=True
    )


def _written(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=False)
    return buffer.getvalue()
