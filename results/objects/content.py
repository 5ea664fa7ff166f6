"""Content items of a structured report (PS3.3 C.17.3), encoded.

A report has some two hundred items, which pydicom takes 40 ms to write. So items are made as they
are written, in explicit VR little endian (PS3.5 7.1.2), and pydicom is handed the whole tree as one
element, as if it had read it. Whoever asks for it finds items of pydicom as usual.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import date
from functools import cache

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from results.objects.codes import Code
from results.objects.display import decimal
from results.objects.modules import Reference

_RELATIONSHIP, _VALUE_TYPE, _NAME = 0x0040A010, 0x0040A040, 0x0040A043
_CODE, _TEXT, _UID, _DATE = 0x0040A168, 0x0040A160, 0x0040A124, 0x0040A121
_CONTENT, _CONTINUITY = 0x0040A730, 0x0040A050
_MEASURED, _NUMBER, _UNITS = 0x0040A300, 0x0040A30A, 0x004008EA
_GRAPHIC_DATA, _GRAPHIC_TYPE = 0x00700022, 0x00700023
_REFERENCED, _CLASS, _INSTANCE, _FRAME = 0x00081199, 0x00081150, 0x00081155, 0x00081160
_CODE_VALUE, _CODE_SCHEME, _CODE_MEANING = 0x00080100, 0x00080102, 0x00080104

CONTAINS, OBSERVED, MODIFIES = "CONTAINS", "HAS OBS CONTEXT", "HAS CONCEPT MOD"
PROPERTY, SELECTED, ACQUIRED = "HAS PROPERTIES", "SELECTED FROM", "HAS ACQ CONTEXT"

#: VRs whose length takes four bytes after two reserved ones.
_LONG = frozenset({"SQ", "UT"})
_ITEM_TAG = struct.pack("<HH", 0xFFFE, 0xE000)

#: The elements of one item, by their tags: an item is written in the order of these.
Item = dict[int, bytes]


def set_content(dataset: Dataset, items: Iterable[Item]) -> None:
    """Give a report its content; its other elements have to be there already."""
    value = _encoded_items(items)
    dataset.set_original_encoding(
        is_implicit_vr=False,
        is_little_endian=True,
        character_encoding=dataset._character_set,  # noqa: SLF001 - what writing compares it with
    )
    dataset[_CONTENT] = RawDataElement(
        Tag(_CONTENT), "SQ", len(value), value, 0, is_implicit_VR=False, is_little_endian=True
    )


def code_item(relationship: str, name: Code, code: Code, children: Iterable[Item] = ()) -> Item:
    """Return an item whose value is a code."""
    return _item(relationship, "CODE", name, {_CODE: _coded(_CODE, code)}, children)


def text_item(relationship: str, name: Code, text: str) -> Item:
    """Return an item whose value is a text of ASCII."""
    return _item(relationship, "TEXT", name, {_TEXT: _element(_TEXT, "UT", text)})


def uid_item(relationship: str, name: Code, uid: str) -> Item:
    """Return an item whose value is a UID."""
    return _item(relationship, "UIDREF", name, {_UID: _element(_UID, "UI", uid)})


def date_item(relationship: str, name: Code, day: date) -> Item:
    """Return an item whose value is a date."""
    value = day.isoformat().replace("-", "")
    return _item(relationship, "DATE", name, {_DATE: _element(_DATE, "DA", value)})


def number_item(
    relationship: str, name: Code, value: float, unit: Code, children: Iterable[Item] = ()
) -> Item:
    """Return an item whose value is a number with its unit."""
    measured = {_NUMBER: _element(_NUMBER, "DS", decimal(value)), _UNITS: _coded(_UNITS, unit)}
    return _item(relationship, "NUM", name, {_MEASURED: _sequence(_MEASURED, [measured])}, children)


def image_item(relationship: str, image: Reference) -> Item:
    """Return an item that refers to an image."""
    reference = {
        _CLASS: _element(_CLASS, "UI", image.sop_class),
        _INSTANCE: _element(_INSTANCE, "UI", image.sop_uid),
    }
    if image.first_frame:
        reference[_FRAME] = _element(_FRAME, "IS", "1")
    return _item(relationship, "IMAGE", None, {_REFERENCED: _sequence(_REFERENCED, [reference])})


def region_item(name: Code, kind: str, points: Iterable[tuple[float, float]], image: Item) -> Item:
    """Return an item of coordinates in an image. ``kind``: POINT or POLYLINE.

    ``points``: (x, y) from the upper left corner of the image's first pixel (PS3.3 C.18.6.1.2).
    ``image``: the item that refers to it.
    """
    data = b"".join(struct.pack("<ff", *point) for point in points)
    elements = {
        _GRAPHIC_DATA: _element(_GRAPHIC_DATA, "FL", data),
        _GRAPHIC_TYPE: _element(_GRAPHIC_TYPE, "CS", kind),
    }
    return _item(CONTAINS, "SCOORD", name, elements, [image])


def container(name: Code, children: Iterable[Item]) -> Item:
    """Return an item that holds others."""
    continuity = {_CONTINUITY: _element(_CONTINUITY, "CS", "SEPARATE")}
    return _item(CONTAINS, "CONTAINER", name, continuity, children)


def _item(
    relationship: str,
    value_type: str,
    name: Code | None,
    elements: Item,
    children: Iterable[Item] = (),
) -> Item:
    item = elements | {
        _RELATIONSHIP: _word(_RELATIONSHIP, relationship),
        _VALUE_TYPE: _word(_VALUE_TYPE, value_type),
    }
    if name is not None:
        item[_NAME] = _coded(_NAME, name)
    if held := list(children):
        item[_CONTENT] = _sequence(_CONTENT, held)
    return item


# ---- encoding -----------------------------------------------------------------------------


def _encoded_items(items: Iterable[Item]) -> bytes:
    values = (b"".join(item[tag] for tag in sorted(item)) for item in items)
    return b"".join(_ITEM_TAG + struct.pack("<I", len(value)) + value for value in values)


def _sequence(tag: int, items: Iterable[Item]) -> bytes:
    return _element(tag, "SQ", _encoded_items(items))


def _element(tag: int, vr: str, value: str | bytes) -> bytes:
    """Return one element; what stands in a report is ASCII (`modules.short`)."""
    data = value if isinstance(value, bytes) else value.encode("ascii")
    if len(data) % 2:
        data += b"\0" if vr == "UI" else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    length = struct.pack("<HI", 0, len(data)) if vr in _LONG else struct.pack("<H", len(data))
    return head + length + data


@cache
def _word(tag: int, word: str) -> bytes:
    return _element(tag, "CS", word)


@cache
def _coded(tag: int, code: Code) -> bytes:
    """Return an element with one code (PS3.3 8.8)."""
    return _sequence(
        tag,
        [
            {
                _CODE_VALUE: _element(_CODE_VALUE, "SH", code.value),
                _CODE_SCHEME: _element(_CODE_SCHEME, "SH", code.scheme),
                _CODE_MEANING: _element(_CODE_MEANING, "LO", code.meaning),
            }
        ],
    )
