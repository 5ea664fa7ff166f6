"""Headers with values that are too large, too long, wrongly encoded, or contradict the pixels."""

from __future__ import annotations

import io
import struct
from random import Random

from pydicom import dcmread
from pydicom.dataelem import RawDataElement

from tests.fuzz.headers import replaced
from tests.fuzz.radiographs import PATIENT, valid_files

_COUNTS = ((0x28, 0x08), (0x28, 0x10), (0x28, 0x11), (0x28, 0x101), (0x28, 0x102), (0x28, 0x02))
_DIGITS = (10, 14, 20, 40, 300)
#: UIDs, patient, accession, descriptions, codes, dates, ages.
_WORDS = (
    *((0x20, 0x0D), (0x20, 0x0E), (0x08, 0x18), (0x10, 0x20), (0x08, 0x50), (0x08, 0x103E)),
    *((0x18, 0x15), (0x08, 0x60), (0x18, 0x5101), (0x28, 0x04), (0x08, 0x20), (0x10, 0x1010)),
    *((0x10, 0x40), (0x20, 0x20)),
)
_CHARACTER_SETS = (
    *(b"", b"ISO_IR 6", b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"GBK", b"ISO_IR 13", b"LATIN-1"),
    *(b"\\ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"ISO 2022 IR 6\\ISO 2022 IR 58", b"utf_7"),
    *(b"\\" * 300, b"ISO_IR 192\\GB18030\\nonsense", b"idna", b"unicode_escape", b"\xff\xfe"),
)
_WRITTEN = (
    *(b"\xe4\xf6\xfc", b"\x1b$B;3ED\x1b(J", b"\x1b$)C\xb1\xe8", "胸部".encode(), b"\x81" * 33),
    *(b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\x00\x01\x02", b"\x1b", b"+AGQ-\xff"),
)


def immense_number(random: Random) -> bytes:
    """Use counts beyond what a database column can store."""
    digits = b"".join(b"%d" % random.randrange(1, 10) for _ in range(random.choice(_DIGITS)))
    number = random.choice((digits, b"-" + digits, b"1e%d" % random.choice((9, 18, 30, 300))))
    tags = random.sample(_COUNTS, random.choice((1, 1, 3)))
    if random.random() < 0.2:
        value, vr = struct.pack("<I", random.choice((1 << 31, (1 << 32) - 1))), "UL"
    else:
        value, vr = _even(number), random.choice(("IS", "DS", "LO"))
    return _file(random, dict.fromkeys(tags, (vr, value)))


def immense_text(random: Random) -> bytes:
    """Write a text of a page, or of a book, in place of a name or a code."""
    length = random.choice((70, 300, 3000, 30_000, random.choice((3000, 6 << 20, 20 << 20))))
    piece = random.choice(
        (
            b"1",
            bytes(random.choices(b"0123456789.", k=3000)),
            PATIENT.encode() + b" ",
            "心".encode(),
        )
    )
    text = (piece * (length // len(piece) + 1))[: length & ~1]
    tags = random.sample(_WORDS, random.choice((1, 1, 4)))
    charset = {(0x08, 0x05): ("CS", b"ISO_IR 192")} if random.random() < 0.5 else {}
    return _file(random, charset | dict.fromkeys(tags, ("UT", text)))


def wrong_character_set(random: Random) -> bytes:
    """Write texts in another character set than the declared one, if any."""
    words = {
        tag: ("LO", _even(random.choice(_WRITTEN) * random.choice((1, 1, 9))))
        for tag in random.sample(_WORDS, 4)
    }
    name = {(0x10, 0x10): ("PN", _even(PATIENT.encode() + random.choice(_WRITTEN)))}
    charset = {(0x08, 0x05): ("CS", _even(random.choice(_CHARACTER_SETS)))}
    return _file(random, charset | words | name)


def contradicting_depths(random: Random) -> bytes:
    """Make depth, sign, samples and colours contradictory, with a right or wrong pixel count."""
    allocated = random.choice((1, 8, 16, 16, 32, 64, 12, 0))
    side = 192
    numbers = {
        (0x28, 0x100): allocated,
        (0x28, 0x101): random.choice((allocated, 1, 7, 12, 16, 17, 0, 65535)),
        (0x28, 0x102): random.choice((max(allocated, 1) - 1, 0, 11, 15, 31, 65535)),
        (0x28, 0x103): random.choice((0, 1, 2)),
        (0x28, 0x02): random.choice((1, 1, 1, 3, 4)),
        (0x28, 0x06): random.choice((0, 1)),
        (0x28, 0x120): random.choice((0, 1, 65535)),
        (0x28, 0x121): random.choice((0, 4095, 65535)),
    }
    colours = random.choice(
        (b"MONOCHROME2 ", b"MONOCHROME1 ", b"RGB ", b"PALETTE COLOR ", b"YBR_FULL_422", b"ARGB")
    )
    amount = side * side * numbers[0x28, 0x02] * allocated // 8
    amount = max(0, amount + random.choice((0, 0, 0, -1, 1, -5000, 5000)))
    pixels = (random.randbytes(997) * (amount // 997 + 1))[:amount]
    elements = {tag: ("US", struct.pack("<H", value)) for tag, value in numbers.items()}
    elements[0x28, 0x04] = ("CS", colours)
    elements[0x7FE0, 0x10] = (random.choice(("OW", "OB")), pixels)
    if random.random() < 0.3:
        frames = random.choice((b"0 ", b"2 ", b"1000000 "))
        elements[0x28, 0x08] = ("IS", frames)
    return replaced(valid_files()["ExplicitVRLittleEndian"], elements)


def extreme_window(random: Random) -> bytes:
    """Use slopes, windows and functions at the limits of the number formats."""
    numbers = (b"1e308", b"-1e308", b"1e-320", b"0", b"-0.0", b"1e38", b"NaN", b"0.0001", b"65535")
    tags = ((0x28, 0x1050), (0x28, 0x1051), (0x28, 0x1052), (0x28, 0x1053))
    elements = {
        tag: ("DS", _even(b"\\".join(random.choices(numbers, k=random.choice((1, 1, 2))))))
        for tag in random.sample(tags, random.choice((1, 2, 4)))
    }
    if random.random() < 0.5:
        elements[0x28, 0x1056] = ("CS", random.choice((b"SIGMOID ", b"LINEAR_EXACT")))
    return _file(random, elements)


def cut_radiograph(random: Random) -> bytes:
    """Truncate a DICOM file between two parts, or within its pixels."""
    name = random.choice([each for each in valid_files() if each[0].isupper()])
    content = valid_files()[name]
    pixels = len(content) - random.randrange(40, min(6000, len(content) // 2))
    if name.startswith("Deflated"):
        return content[: random.choice((400, pixels))]
    dataset = dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
    starts = [each.value_tell for each in dataset.values() if isinstance(each, RawDataElement)]
    at = random.choice((128, 131, 132, 140, pixels, pixels, random.choice(starts)))
    return content[: max(1, at - random.choice((0, 0, 1, 2, 4, 8)))]


def _file(random: Random, elements: dict[tuple[int, int], tuple[str, bytes]]) -> bytes:
    # A unique comment, so that two files with the same error are not duplicates.
    remark = (0x20, 0x4000), ("LT", b"%08d" % random.randrange(10**8))
    name = (0x10, 0x10), ("PN", _even(PATIENT.encode()))
    return replaced(valid_files()["ExplicitVRLittleEndian"], dict((remark, name)) | elements)


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)
