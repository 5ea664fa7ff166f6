"""Files whose header contradicts their pixels, which are a chest."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from itertools import product

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate_extended

from radiograph.errors import BrokenHeader
from radiograph.records import ReadingNote
from tests.encodings.compressed import DELIMITER, compressed, item, one_fragment
from tests.encodings.dicom import FORMS, Bits, Form, grey, meta, set_words, written
from tests.encodings.encoding import Encoding, of_kind
from tests.encodings.streams import CODECS, Codec

_BITS = (Bits(8, 8, 7), Bits(16, 12, 11), Bits(16, 16, 15))
_EXPLICIT = FORMS[1]
#: Transfer syntaxes of the file meta information, whatever the pixels are.
_STATED = {
    "no file meta": None,
    **{
        form.name: form.stated
        for form in FORMS
        if form.stated and form.little_endian and not form.deflated and not form.implicit
    },
    **{
        codec.name: codec.syntax
        for codec in CODECS
        if codec.name in {"RLE", "JPEG baseline", "JPEG lossless SV1", "JPEG-LS", "JPEG 2000"}
    },
    "private": "1.2.840.113619.5.2",
}
_FAMILY = {
    "50": "JPEG",
    "51": "JPEG",
    "55": "JPEG",
    "57": "lossless",
    "70": "lossless",
    "80": "LS",
    "81": "LS",
}
_SYNTAX = ReadingNote.SYNTAX_CONTRADICTS_PIXELS


def encodings() -> Iterator[Encoding]:
    """Yield every kind of contradiction."""
    for kind, found in (
        ("DICOM, syntax against pixels", _syntaxes()),
        ("DICOM, byte order and VR", _elements()),
        ("DICOM, sign against codestream", _signs()),
        ("DICOM, presentation against photometric", _presentations()),
        ("DICOM, several frames", _frames()),
    ):
        yield from of_kind(kind, list(found))


def _family(syntax: str | None) -> str | None:
    end = (syntax or "").removeprefix("1.2.840.10008.1.2.4.")
    return _FAMILY.get(end, "2000" if end.startswith(("9", "2")) else syntax)


def _syntaxes() -> Iterator[Encoding]:
    for (stated, uid), codec in product(_STATED.items(), CODECS):
        for bits in _BITS:
            if bits.stored in codec.bits and uid != codec.syntax:
                same = _family(uid) == _family(codec.syntax)
                yield Encoding(
                    "",
                    f"{stated} stated, {codec.name} of {bits.stored} bits held",
                    partial(_compressed, bits, codec, uid),
                    note=None if same else _SYNTAX,
                    lossy=codec.lossy,
                )
    for (stated, uid), bits in product(_STATED.items(), _BITS):
        if _family(uid) not in {None, FORMS[1].stated, "1.2.840.113619.5.2"}:
            form = Form("", uid)
            yield Encoding(
                "",
                f"{stated} stated, plain values of {bits.stored} bits held",
                partial(_plain, bits, form),
                note=_SYNTAX,
            )
    for codec in CODECS:
        if codec.name != "RLE" and 12 in codec.bits:
            yield Encoding(
                "",
                f"explicit little endian stated, {codec.name} held without items",
                partial(_bare, Bits(16, 12, 11), codec),
                note=_SYNTAX,
                lossy=codec.lossy,
            )


def _compressed(bits: Bits, codec: Codec, uid: str | None) -> bytes:
    return compressed(grey(bits), one_fragment(codec.encode(bits.words(), bits.stored)), uid)


def _plain(bits: Bits, form: Form) -> bytes:
    return written(set_words(grey(bits), bits.words(), form), form)


def _bare(bits: Bits, codec: Codec) -> bytes:
    frame = codec.encode(bits.words(), bits.stored)
    dataset = grey(bits)
    dataset.PixelData = frame + b"\0" * (len(frame) % 2)
    dataset["PixelData"].VR = "OW"
    return written(dataset, _EXPLICIT)


def _elements() -> Iterator[Encoding]:
    for stated, is_in, bits in product(FORMS, FORMS, _BITS):
        if stated.stated is None or stated.deflated or is_in.deflated or is_in.stated is None:
            continue
        form = Form("", stated.stated, implicit=is_in.implicit, little_endian=is_in.little_endian)
        alike = (stated.implicit, stated.little_endian) == (is_in.implicit, is_in.little_endian)
        yield Encoding(
            "",
            f"{stated.name} stated, {is_in.name} written, {bits.stored} bits",
            partial(_plain, bits, form),
            note=None if alike else ReadingNote.SYNTAX_CONTRADICTS_ELEMENTS,
        )
    for vr, little, nested in product(("XX", "ZZ", "QV", "AB"), (True, False), (False, True)):
        name = f"VR {vr} of a later edition, {'little' if little else 'big'} endian"
        yield Encoding(
            "",
            f"{name}{', in an item' if nested else ''}",
            partial(_vr, vr, little=little, nested=nested),
        )
    for text in ("1.2.840.10008.1.2.1.99", "see 1.2.840.10008.1.2.1.99"):
        yield Encoding("", f"{text} in a private text of the file meta", partial(_mentioned, text))
        yield Encoding("", f"{text} in the description", partial(_described, text))


def _vr(vr: str, *, little: bool, nested: bool) -> bytes:
    form = FORMS[1] if little else FORMS[2]
    bits = Bits(16, 12, 11)
    data = _plain(bits, form)
    order = "little" if little else "big"
    value = b"a value of a later edition  "
    tag = (0x0009).to_bytes(2, order) + (0x1001).to_bytes(2, order)
    element = tag + vr.encode() + b"\0\0" + len(value).to_bytes(4, order) + value
    if nested:
        head = b"".join(each.to_bytes(2, order) for each in (0xFFFE, 0xE000))
        inside = head + len(element).to_bytes(4, order) + element
        element = tag + b"SQ\0\0" + len(inside).to_bytes(4, order) + inside
    group = b"".join(each.to_bytes(2, order) for each in (0x0018, 0x0015))
    at = data.index(group + b"CS")
    return data[:at] + element + data[at:]


def _mentioned(text: str) -> bytes:
    data = _plain(Bits(16, 12, 11), _EXPLICIT)
    elements = data[132 + len(meta(_EXPLICIT.stated or "")) :]
    padded = text.encode() + b" " * (len(text) % 2)
    return data[:132] + meta(_EXPLICIT.stated or "", (0x1001, padded)) + elements


def _described(text: str) -> bytes:
    bits = Bits(16, 12, 11)
    dataset = grey(bits, StudyDescription=text)
    return written(set_words(dataset, bits.words(), _EXPLICIT), _EXPLICIT)


def _signs() -> Iterator[Encoding]:
    for precision, stored in product((10, 12, 14, 16), (10, 12, 14, 16)):
        if precision <= stored:
            for lossless in ("90", "70"):
                agreed = precision == stored and lossless != "90"
                yield Encoding(
                    "",
                    f"two's complement of {precision} bits, stated to be of {stored}, {lossless}",
                    partial(_two_complement, precision, stored, lossless),
                    note=None if agreed else ReadingNote.BITS_CONTRADICT_PIXELS,
                )
    for stored, signed in product((12, 16), (False, True)):
        agreed = signed and stored == 16
        yield Encoding(
            "",
            f"signed 16 bits, stated to be {'signed' if signed else 'unsigned'} {stored}",
            partial(_signed_stream, stored, signed=signed),
            note=None if agreed else ReadingNote.BITS_CONTRADICT_PIXELS,
        )


def _two_complement(precision: int, stored: int, end: str) -> bytes:
    words = Bits(16, precision, precision - 1, signed=True).words()
    [codec] = [each for each in CODECS if each.syntax.endswith(f".4.{end}")]
    dataset = grey(Bits(16, stored, stored - 1, signed=True))
    return compressed(dataset, one_fragment(codec.encode(words, precision)), codec.syntax)


def _signed_stream(stored: int, *, signed: bool) -> bytes:
    values = (Bits(16, 12, 11).words().astype(np.int64) - 2048).astype(np.int16)
    frame = bytes(imagecodecs.jpeg2k_encode(values, codecformat="J2K", reversible=True))
    dataset = grey(Bits(16, stored, stored - 1, signed=signed))
    return compressed(dataset, one_fragment(frame), "1.2.840.10008.1.2.4.90")


def _presentations() -> Iterator[Encoding]:
    notes = {
        ("MONOCHROME2", "INVERSE"): ReadingNote.INVERSE_CONTRADICTS_PHOTOMETRIC,
        ("MONOCHROME1", "IDENTITY"): ReadingNote.IDENTITY_CONTRADICTS_PHOTOMETRIC,
    }
    for (photometric, shape), bits, inverse in product(notes, _BITS, (False, True)):
        for orientation in (["L", "F"], ["R", "F"]):
            yield Encoding(
                "",
                f"{photometric}, {shape}, {bits.stored} bits, dark {inverse}, {orientation[0]}",
                partial(_presented, bits, photometric, shape, orientation, inverse=inverse),
                note=notes[photometric, shape],
            )


def _presented(
    bits: Bits, photometric: str, shape: str, orientation: list[str], *, inverse: bool
) -> bytes:
    dataset = grey(bits, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    dataset.PatientOrientation = orientation
    words = bits.words(inverse=inverse)
    if orientation[0] == "R":
        words = np.ascontiguousarray(words[:, ::-1])
    return written(set_words(dataset, words, _EXPLICIT), _EXPLICIT)


def _frames() -> Iterator[Encoding]:
    """Yield files of several frames: the first is read by the tables, or refused."""
    for codec in CODECS:
        bits = _BITS[0] if codec.bits == (8,) else _BITS[1]
        if bits.stored not in codec.bits:
            continue
        for name, table, code in (
            ("no offset table", (), None),
            ("an offset table", None, None),
            ("an offset table that does not fit", (0, 7), BrokenHeader.code),
            ("an offset table of one frame", (0,), BrokenHeader.code),
        ):
            yield Encoding(
                "",
                f"{codec.name}, two frames, {name}",
                partial(_two_frames, codec, bits, table),
                code=code,
                lossy=codec.lossy,
            )

    codec, bits = next(each for each in CODECS if each.name == "JPEG-LS"), _BITS[1]
    for count, offsets in product((1, 2), (None, (99,), (0, 99))):
        code = BrokenHeader.code if offsets and count > 1 else None
        note = ReadingNote.OFFSETS_CONTRADICT_FRAGMENTS if offsets else None
        name = f"{count} frames, extended offset table {offsets or 'that fits'}"
        yield Encoding("", name, partial(_extended, codec, bits, count, offsets), code, note)


def _extended(codec: Codec, bits: Bits, count: int, offsets: tuple[int, ...] | None) -> bytes:
    words = bits.words()
    frames = [codec.encode(each, bits.stored) for each in (words, words[::-1].copy())[:count]]
    value, table, lengths = encapsulate_extended(frames)
    dataset = grey(bits, NumberOfFrames=count)
    dataset.ExtendedOffsetTable = struct.pack(f"<{len(offsets)}Q", *offsets) if offsets else table
    dataset.ExtendedOffsetTableLengths = lengths
    return compressed(dataset, value + DELIMITER, codec.syntax)


def _two_frames(codec: Codec, bits: Bits, table: tuple[int, ...] | None) -> bytes:
    words = bits.words()
    first, second = (codec.encode(each, bits.stored) for each in (words, words[::-1].copy()))
    offsets = (0, len(item(first))) if table is None else table
    value = item(b"".join(each.to_bytes(4, "little") for each in offsets))
    value += item(first) + item(second) + DELIMITER
    return compressed(grey(bits, NumberOfFrames=2), value, codec.syntax)
