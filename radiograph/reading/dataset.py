"""Parsing the bytes of a DICOM file into a data set, complete or cut short."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from radiograph.errors import BrokenHeader, TooLarge, TruncatedFile
from radiograph.reading.elements import FAULTS

#: The file meta information begins after preamble and prefix with its own length (PS3.10, 7.1).
_META_START = 132
_GROUP_LENGTH = struct.Struct("<HH2sHI")
_UNDEFINED_LENGTH = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Parsed:
    """A data set, its transfer syntax, and whether the file ends before its last element does."""

    dataset: Dataset
    transfer_syntax: UID
    little_endian: bool
    truncated: bool


def parse(content: bytes, max_bytes: int) -> Parsed:
    """Parse a DICOM file. Raises BrokenHeader, TruncatedFile, TooLarge."""
    syntax: UID | None = None
    try:
        inflated = _inflated(content, max_bytes)
        if inflated is not None:
            content, syntax = inflated, DeflatedExplicitVRLittleEndian
        dataset = dcmread(io.BytesIO(content), force=True)
        truncated = _ends_early(dataset)
        if "PixelData" not in dataset:
            # pydicom drops everything it read where the pixels' fragments end early.
            header = dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
            if len(header) > len(dataset):
                dataset, truncated = header, True
    except EOFError as exc:
        raise TruncatedFile(TruncatedFile.__doc__) from exc
    except FAULTS as exc:
        raise BrokenHeader.because(f"{type(exc).__name__} while parsing") from exc
    if not len(dataset):
        raise TruncatedFile.because("no element is complete")
    implicit, little = dataset.original_encoding
    return Parsed(
        dataset=dataset,
        transfer_syntax=syntax or _stated_syntax(dataset) or _found_syntax(implicit, little),
        little_endian=little is not False,
        truncated=truncated,
    )


def _stated_syntax(dataset: FileDataset) -> UID | None:
    stated = dataset.file_meta.get("TransferSyntaxUID")
    return UID(str(stated).strip()) if stated else None


def _found_syntax(implicit: bool | None, little: bool | None) -> UID:
    """Name the encoding that pydicom found in a file without meta information."""
    if implicit is not False:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little is not False else ExplicitVRBigEndian


def _ends_early(dataset: Dataset) -> bool:
    last = dataset.get_item(max(dataset.keys())) if len(dataset) else None
    return (
        isinstance(last, RawDataElement)
        and last.length != _UNDEFINED_LENGTH
        and len(last.value or b"") < last.length
    )


def _inflated(content: bytes, max_bytes: int) -> bytes | None:
    """Return a deflated data set (PS3.5, A.5), inflated no further than ``max_bytes``."""
    if len(content) < _META_START + _GROUP_LENGTH.size:
        return None
    *tag, _, length = _GROUP_LENGTH.unpack_from(content, _META_START)
    start = _META_START + _GROUP_LENGTH.size + length
    # The UID is padded to even length by a zero, so no longer UID can begin with it.
    uid = DeflatedExplicitVRLittleEndian.encode()
    if tag[:2] != [0x0002, 0x0000] or uid not in content[_META_START:start]:
        return None
    inflator = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflator.decompress(content[start:], max_bytes)
    if inflator.unconsumed_tail:
        raise TooLarge.because(f"inflates to more than {max_bytes} bytes")
    if not inflator.eof:
        raise EOFError
    return data
