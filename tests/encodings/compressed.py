"""Compressed grey values: codecs, bits, signs, polarities and layouts of fragments."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from radiograph.records import ReadingNote
from tests.encodings.chest import Values
from tests.encodings.dicom import Bits, Form, grey, written
from tests.encodings.encoding import Encoding
from tests.encodings.streams import CODECS, Codec, wrapped

ITEM, DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)


def item(content: bytes) -> bytes:
    content += b"\0" * (len(content) % 2)
    return ITEM + len(content).to_bytes(4, "little") + content


def one_fragment(frame: bytes) -> bytes:
    return item(b"") + item(frame) + DELIMITER


def many_fragments(frame: bytes) -> bytes:
    step = max(2, len(frame) // 5 // 2 * 2)
    pieces = [frame[at : at + step] for at in range(0, len(frame), step)]
    return item(b"") + b"".join(map(item, pieces)) + DELIMITER


def with_table(frame: bytes) -> bytes:
    return encapsulate([frame], has_bot=True) + DELIMITER


def with_wrong_table(frame: bytes) -> bytes:
    return item(struct.pack("<I", 8)) + item(frame) + DELIMITER


def with_table_of_two(frame: bytes) -> bytes:
    step = len(frame) // 4 * 2
    pieces = item(frame[:step]) + item(frame[step:])
    return item(struct.pack("<II", 0, 77)) + pieces + DELIMITER


def without_delimiter(frame: bytes) -> bytes:
    return item(b"") + item(frame)


#: Layouts of fragments, and whether the offset table is right.
CONTAINERS: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "one fragment": (one_fragment, True),
    "many fragments": (many_fragments, True),
    "offset table": (with_table, True),
    "wrong offset table": (with_wrong_table, False),
    "offset table of two": (with_table_of_two, False),
    "no delimiter": (without_delimiter, True),
}


def encodings() -> Iterator[Encoding]:
    """Yield every codec with every precision, polarity and container; signs where allowed."""
    for codec, inverse, signed in product(CODECS, (False, True), (False, True)):
        for bits, (name, (container, fits)) in product(codec.bits, CONTAINERS.items()):
            if signed and (
                codec.lossy or bits == 8 or name not in {"one fragment", "offset table"}
            ):
                continue
            wide = Bits(8 if bits <= 8 else 16, bits, bits - 1, signed)
            notes = [] if fits else [ReadingNote.OFFSETS_CONTRADICT_FRAGMENTS]
            if signed and codec.name in {"JPEG 2000", "HTJ2K"}:
                notes.append(ReadingNote.BITS_CONTRADICT_PIXELS)
            polarity = "MONOCHROME1" if inverse else "MONOCHROME2"
            sign = "signed" if signed else "unsigned"
            yield Encoding(
                "DICOM, compressed grey values",
                f"{codec.name}, {sign} {bits} bits, {polarity}, {name}",
                partial(_file, codec, wide, container, inverse=inverse),
                note=" ".join(sorted(notes)) or None,
                lossy=codec.lossy,
            )
    for bits in (8, 12, 16):
        yield Encoding(
            "DICOM, compressed grey values", f"JP2 file, {bits} bits", partial(_jp2, bits)
        )
    for bits in range(10, 17):
        yield Encoding(
            "DICOM, compressed grey values",
            f"JPEG lossless modulo 2^16, {bits} bits",
            partial(_modulo, bits),
        )


def in_items(dataset: Dataset, value: bytes) -> Dataset:
    """Set encapsulated PixelData (PS3.5 A.4)."""
    dataset.PixelData = value
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def compressed(dataset: Dataset, value: bytes, syntax: str | None) -> bytes:
    """Return a file of encapsulated pixels."""
    # pydicom writes the delimiter; a file without it is shortened by its eight bytes.
    ends = value.endswith(DELIMITER)
    data = written(in_items(dataset, value.removesuffix(DELIMITER)), Form("", syntax))
    return data if ends else data.removesuffix(DELIMITER)


def _file(codec: Codec, bits: Bits, container: Callable[[bytes], bytes], *, inverse: bool) -> bytes:
    words: Values = bits.words(inverse=inverse)
    dataset = grey(bits, PhotometricInterpretation="MONOCHROME1" if inverse else "MONOCHROME2")
    return compressed(dataset, container(codec.encode(words, bits.stored)), codec.syntax)


def _jp2(bits: int) -> bytes:
    """Return the codestream in the boxes of a JP2 file, as some writers do."""
    wide = Bits(8 if bits <= 8 else 16, bits, bits - 1)
    frame = imagecodecs.jpeg2k_encode(
        wide.words(), codecformat="JP2", reversible=True, bitspersample=bits
    )
    return compressed(grey(wide), one_fragment(bytes(frame)), "1.2.840.10008.1.2.4.90")


def _modulo(bits: int) -> bytes:
    wide = Bits(16, bits, bits - 1)
    frame = wrapped(np.asarray(wide.words()), bits)
    return compressed(grey(wide), one_fragment(frame), "1.2.840.10008.1.2.4.70")
