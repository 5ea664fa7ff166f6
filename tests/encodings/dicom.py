"""DICOM files of any encoding: elements, pixels and file meta information, right or wrong."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import config, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.encodings.chest import COLUMNS, ROWS, Values, shades

CR = "1.2.840.10008.5.1.4.1.1.1"


@dataclass(frozen=True, slots=True)
class Bits:
    """Position of a grey value in its word (PS3.5 8.1.1)."""

    allocated: int
    stored: int
    high: int
    signed: bool = False

    def words(self, *, inverse: bool = False) -> Values:
        """Return the chest as words: two's complement about the middle, shifted to the high bit."""
        values = shades(self.stored, inverse=inverse)
        if self.signed:
            values = (values - (1 << (self.stored - 1))) & ((1 << self.stored) - 1)
        return (values << (self.high + 1 - self.stored)).astype(f"u{self.allocated // 8}")

    @property
    def first(self) -> int:
        """Return the lowest value of the stored bits."""
        return -(1 << (self.stored - 1)) if self.signed else 0


@dataclass(frozen=True, slots=True)
class Form:
    """Encoding of elements, and the stated transfer syntax ``stated`` (None: no file meta)."""

    name: str
    stated: str | None
    implicit: bool = False
    little_endian: bool = True
    deflated: bool = False
    preamble: bool = True


FORMS = (
    Form("implicit little endian", ImplicitVRLittleEndian, implicit=True),
    Form("explicit little endian", ExplicitVRLittleEndian),
    Form("explicit big endian", ExplicitVRBigEndian, little_endian=False),
    Form("deflated", DeflatedExplicitVRLittleEndian, deflated=True),
    Form("no file meta, implicit", None, implicit=True, preamble=False),
    Form("no file meta, explicit", None, preamble=False),
    Form("no file meta, big endian", None, little_endian=False, preamble=False),
)


def grey(bits: Bits, **elements: Any) -> Dataset:
    """Return a data set of the chest's grey values, without its pixels."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CR, "1.2.3.4"
    dataset.StudyDate, dataset.Modality, dataset.BodyPartExamined = "20200102", "DX", "CHEST"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated, dataset.BitsStored = bits.allocated, bits.stored
    dataset.HighBit, dataset.PixelRepresentation = bits.high, int(bits.signed)
    with config.disable_value_validation():
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
    return dataset


def set_words(dataset: Dataset, words: Values, form: Form) -> Dataset:
    """Set native PixelData (PS3.5 8.1.1 and annex A)."""
    order = "<" if form.little_endian else ">"
    pixels = words.astype(words.dtype.newbyteorder(order)).tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB" if words.itemsize == 1 and not form.implicit else "OW"
    if words.itemsize == 1 and dataset["PixelData"].VR == "OW" and not form.little_endian:
        dataset["PixelData"].VR = "OB"
    return dataset


def written(dataset: Dataset, form: Form) -> bytes:
    """Return the file with the file meta information and the encoding of ``form``."""
    buffer = io.BytesIO()
    with config.disable_value_validation():
        dcmwrite(buffer, dataset, implicit_vr=form.implicit, little_endian=form.little_endian)
    elements = buffer.getvalue()
    if form.deflated:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        elements = deflater.compress(elements) + deflater.flush()
        elements += b"\0" * (len(elements) % 2)
    head = bytes(128) + b"DICM" if form.preamble else b""
    return head + (b"" if form.stated is None else meta(form.stated)) + elements


def meta(syntax: str, *more: tuple[int, bytes]) -> bytes:
    """Return file meta information (PS3.10 7.1); ``more``: private elements of VR LO."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    of_class = CR.encode() + b"\0" * (len(CR) % 2)
    body = b"\x02\0\x02\0UI" + len(of_class).to_bytes(2, "little") + of_class
    body += b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid
    for number, value in more:
        tag = b"\x02\0" + number.to_bytes(2, "little")
        body += tag + b"LO" + len(value).to_bytes(2, "little") + value
    return b"\x02\0\0\0UL\x04\0" + len(body).to_bytes(4, "little") + body


def item_of_table(entries: Values, first: int, vr: str, *, big_endian: bool = False) -> Dataset:
    """Return the item of a LUT sequence with the VR US, SS or OW."""
    item = Dataset()
    count = len(entries) % 65536
    words = entries.astype(np.int64)
    if vr == "OW":
        order = ">u2" if big_endian else "<u2"
        item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count, first, 16])
        item.add_new("LUTData", "OW", words.astype(order).tobytes())
        return item
    if vr == "SS":
        words = (words + 32768) % 65536 - 32768
        count = (count + 32768) % 65536 - 32768
        first = (first + 32768) % 65536 - 32768
    else:
        first %= 65536
    item.add_new("LUTDescriptor", vr, [count, first, 16])
    item.add_new("LUTData", vr, words.tolist())
    return item
