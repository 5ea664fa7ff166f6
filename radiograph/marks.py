"""The marks of every object that thoraq makes, by which it is recognised when it comes back."""

from __future__ import annotations

import uuid

#: Manufacturer (0008,0070) of every object; made-up radiographs have another.
MANUFACTURER = "thoraq"
#: Private creator, and its group.
CREATOR, CREATOR_GROUP = "THORAQ", 0x0077
#: The first four of the sixteen bytes of every SOP Instance UID, which is a UUID of version 8.
_UUID_MARK = b"thrq"
_UUID_ROOT, _UUID_VERSION = "2.25.", 8
#: Digits of the largest number of 128 bits.
_MOST_DIGITS = 39


def marked_uid(digest: bytes) -> str:
    """Return the UID (PS3.5 B.2) of an object that thoraq makes. ``digest``: 16 bytes or more."""
    return uid_of_bytes(_UUID_MARK + digest[: 16 - len(_UUID_MARK)])


def uid_of_bytes(sixteen: bytes) -> str:
    """Return the UID of a UUID of version 8 (RFC 9562), which leaves 122 bits to its maker."""
    number = bytearray(sixteen)
    number[6] = number[6] & 0x0F | _UUID_VERSION << 4
    number[8] = number[8] & 0x3F | 0x80
    return f"{_UUID_ROOT}{int.from_bytes(number, 'big')}"


def is_marked(uid: str) -> bool:
    """Tell whether a UID is one that `marked_uid` gives."""
    digits = uid.removeprefix(_UUID_ROOT)
    if digits == uid or not (
        digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS
    ):
        return False
    number = int(digits)
    if number >> 128:
        return False
    found = uuid.UUID(int=number)
    return found.bytes.startswith(_UUID_MARK) and found.version == _UUID_VERSION
