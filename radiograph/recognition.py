"""The format of a file, by its first bytes.

The name only decides between a failure and a file set aside, where the content is unknown.
"""

from __future__ import annotations

import struct

from radiograph.errors import NotAnImage, TruncatedFile, UnknownContent
from radiograph.records import ImageFormat

#: Bytes that `recognise` needs; a file may be shorter.
HEAD_BYTES = 4096

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"II*\x00", ImageFormat.TIFF),
    (b"MM\x00*", ImageFormat.TIFF),
    (b"II+\x00", ImageFormat.TIFF),  # BigTIFF
    (b"MM\x00+", ImageFormat.TIFF),
)
_IMAGE_SUFFIXES = (".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_PREAMBLE_BYTES = 128
_DICOM_PREFIX = b"DICM"
#: SOP class of a DICOMDIR, as a UI element of the file meta information, padded to even length.
_DIRECTORY_CLASS = b"UI\x14\x001.2.840.10008.1.3.10"
#: Value representations (PS3.5, 6.2) in meta information and identification.
_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT".split()
)
#: Of those, the ones whose length takes four bytes after two reserved ones (PS3.5, 7.1.2).
_LONG_REPRESENTATIONS = frozenset(b"OB OW SQ UN UT".split())
#: The identification group has names, dates and UIDs, all far shorter than this.
_LONGEST_FIRST_VALUE = 1024


def recognise(head: bytes, name: str) -> ImageFormat:
    """Return the format of a file from its first ``HEAD_BYTES`` bytes.

    Raises NotAnImage; for a name with the suffix of an image, UnknownContent, or TruncatedFile
    where the file is too short to decide.
    """
    is_dicom = head[_PREAMBLE_BYTES:].startswith(_DICOM_PREFIX)
    # The preamble of a DICOM file may be a TIFF header (PS3.10 7.1), so DICOM takes precedence.
    for signature, image_format in _SIGNATURES:
        if head.startswith(signature) and not is_dicom:
            return image_format
    if is_dicom or _begins_with_elements(head):
        if _DIRECTORY_CLASS in head:
            raise NotAnImage.because("a DICOMDIR, the index of a medium")
        return ImageFormat.DICOM
    claims_image = name.lower().endswith(_IMAGE_SUFFIXES)
    if claims_image and _ends_too_early(head):
        raise TruncatedFile.because(f"{len(head)} bytes")
    if claims_image:
        raise UnknownContent.because("neither DICOM nor PNG, JPEG or TIFF")
    raise NotAnImage


def _ends_too_early(head: bytes) -> bool:
    begun = any(signature.startswith(head) for signature, _ in _SIGNATURES)
    return begun or (len(head) <= _PREAMBLE_BYTES and not any(head))


def _begins_with_elements(head: bytes) -> bool:
    """Return whether a DICOM data set without preamble begins here, in either byte order."""
    return any(_two_elements(head, order) for order in "<>")


def _two_elements(head: bytes, order: str) -> bool:
    first = _element(head, 0, order)
    if first is None or first[0] >> 16 not in {0x0002, 0x0008}:
        return False
    tag, end = first
    second = _element(head, end, order)
    return second is not None and tag < second[0] < 0x0010_FFFF


def _element(head: bytes, at: int, order: str) -> tuple[int, int] | None:
    """Return the tag at ``at`` and the end of its element; None if there is no element."""
    if len(head) < at + 12:
        return None
    group, number = struct.unpack_from(f"{order}HH", head, at)
    representation = head[at + 4 : at + 6]
    if representation in _LONG_REPRESENTATIONS:
        start, (length,) = at + 12, struct.unpack_from(f"{order}I", head, at + 8)
    elif representation in _REPRESENTATIONS:
        start, (length,) = at + 8, struct.unpack_from(f"{order}H", head, at + 6)
    elif order == "<":
        start, (length,) = at + 8, struct.unpack_from("<I", head, at + 4)
    else:
        return None  # big endian is always explicit (PS3.5 A.3)
    if length > _LONGEST_FIRST_VALUE:
        return None
    return group << 16 | number, start + length
