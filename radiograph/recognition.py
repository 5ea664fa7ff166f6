"""What a file is by its first bytes; names only decide how the rest is counted."""

from __future__ import annotations

import re
from pathlib import PurePath

from radiograph.errors import NotAnImage, TruncatedFile, UnknownContent
from radiograph.records import ImageFormat

#: Enough for the preamble of DICOM and for the first elements of a file without one.
HEAD_BYTES = 512

#: Names that claim a radiograph; a file of another name and content was never meant as one.
IMAGE_SUFFIXES = frozenset(
    {".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".jp2"}
)

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"II*\x00", ImageFormat.TIFF),
    (b"MM\x00*", ImageFormat.TIFF),
    (b"II+\x00", ImageFormat.TIFF),  # BigTIFF
    (b"MM\x00+", ImageFormat.TIFF),
)

#: Without a preamble (PS3.10 7.1 asks for one, old archives lack it) a file starts with an element
#: of group 0002 or 0008, in either byte order, implicit (a plausible length) or explicit (a VR).
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_FIRST_GROUPS_BIG = (b"\x00\x02", b"\x00\x08")
_EXPLICIT_VR = re.compile(rb"UL|UI|CS|DA|TM|SH|LO|OB|DT|ST|PN|AE|US")
_LONGEST_FIRST_VALUE = 1024

#: UID of the Media Storage Directory: an index of a disc, no image.
_DICOMDIR = b"1.2.840.10008.1.3.10"


def recognise(head: bytes, name: str) -> ImageFormat:
    """Tell the format of a file from its first ``HEAD_BYTES``.

    Raises NotAnImage for what neither is nor claims to be an image, UnknownContent for what only
    claims to be one, TruncatedFile for an empty file that claims to be one.
    """
    for signature, image_format in _SIGNATURES:
        if head.startswith(signature):
            return image_format
    if head[128:132] == b"DICM" or _starts_with_element(head):
        if _DICOMDIR in head:
            raise NotAnImage(f"a DICOMDIR. {NotAnImage.__doc__}")
        return ImageFormat.DICOM
    if PurePath(name).suffix.lower() not in IMAGE_SUFFIXES:
        raise NotAnImage(NotAnImage.__doc__)
    if not head:
        raise TruncatedFile(f"empty. {TruncatedFile.__doc__}")
    raise UnknownContent(UnknownContent.__doc__)


def _starts_with_element(head: bytes) -> bool:
    if len(head) < 8:
        return False
    if head[:2] in _FIRST_GROUPS:
        order = "little"
    elif head[:2] in _FIRST_GROUPS_BIG:
        order = "big"
    else:
        return False
    element = int.from_bytes(head[2:4], order)  # type: ignore[arg-type]
    if element > 0x1155:  # the last element of group 0008 that may stand first
        return False
    if _EXPLICIT_VR.fullmatch(head[4:6]):
        return True
    return int.from_bytes(head[4:8], order) <= _LONGEST_FIRST_VALUE  # type: ignore[arg-type]
