"""The protocol between a worker and its reading processes: frames of JSON and raw bytes.

A frame is two lengths of four bytes each, then the JSON and the data. Pickle is not used, so that a
file which takes over a reading process cannot take over the worker.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from network.prediction import PreparedInput
from radiograph.image import Radiograph
from radiograph.records import (
    HEADER_FIELDS,
    Header,
    ImageFormat,
    PixelSpacing,
    SpacingSource,
    View,
)

_LENGTHS = struct.Struct("!II")
#: Limit of a part, bytes. A header and a network input are below 1 MB; more is a faulty reader.
_LONGEST = 16 << 20
#: Size of a pipe, for 30 answers. An unprivileged user's pipes share 64 MiB.
PIPE_BYTES = 512 << 10

#: Reads exactly this number of bytes. Raises EOFError.
ReadExactly = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: everything but the large image itself."""

    header: Header
    pixel_digest: str | None
    to_source: npt.NDArray[np.float64]
    prepared: PreparedInput
    duration_ms: float


class Incoming:
    """Reads a descriptor in few system calls, each for as much as is available.

    ``wait`` is called before each of them, and may raise.
    """

    def __init__(self, descriptor: int, wait: Callable[[], None] = lambda: None) -> None:
        self._descriptor = descriptor
        self._wait = wait
        self._come = bytearray()

    def exactly(self, count: int) -> bytes:
        """Read ``count`` bytes. Raises EOFError, and what ``wait`` does."""
        while len(self._come) < count:
            self._wait()
            part = os.read(self._descriptor, PIPE_BYTES)
            if not part:
                raise EOFError
            self._come += part
        exactly = bytes(self._come[:count])
        del self._come[:count]
        return exactly


def frame(fields: Mapping[str, Any], data: bytes = b"") -> bytes:
    """Pack one frame."""
    # ASCII escapes preserve lone surrogates, the undecodable bytes of file names.
    text = json.dumps(fields, ensure_ascii=True).encode("ascii")
    return _LENGTHS.pack(len(text), len(data)) + text + data


def unframe(read: ReadExactly) -> tuple[dict[str, Any], bytes]:
    """Read one frame. Raises EOFError at the end, ValueError if it is invalid."""
    text_length, data_length = _LENGTHS.unpack(read(_LENGTHS.size))
    if max(text_length, data_length) > _LONGEST:
        raise ValueError("no frame")
    fields = json.loads(read(text_length))
    if not isinstance(fields, dict):
        raise ValueError("no frame")  # noqa: TRY004 - it is the other side that erred
    return fields, read(data_length)


def header_fields(header: Header) -> dict[str, Any]:
    """Return a header as values for JSON."""
    # Not by `asdict`, which copies every value and takes as long as the rest of the frame.
    given = {name: getattr(header, name) for name in HEADER_FIELDS}
    return given | {
        "study_date": header.study_date.isoformat() if header.study_date else None,
        "spacing": None if header.spacing is None else asdict(header.spacing),
    }


def header_of(fields: Mapping[str, Any]) -> Header:
    """Return the header from the values of `header_fields`."""
    spacing = fields["spacing"]
    return Header(
        **{
            **fields,
            "format": ImageFormat(fields["format"]),
            "view": View(fields["view"]),
            "study_date": date.fromisoformat(fields["study_date"])
            if fields["study_date"]
            else None,
            "spacing": None
            if spacing is None
            else PixelSpacing(**{**spacing, "source": SpacingSource(spacing["source"])}),
        }
    )


def read_file_frame(read: ReadFile) -> bytes:
    """Pack a file that was read."""
    fields = {
        "header": header_fields(read.header),
        "pixel_digest": read.pixel_digest,
        "to_source": read.to_source.tolist(),
        "to_upright": read.prepared.to_upright.tolist(),
        "duration_ms": read.duration_ms,
        "side": read.prepared.pixels.shape[0],
    }
    return frame(fields, read.prepared.pixels.tobytes())


def read_file_of(fields: Mapping[str, Any], data: bytes) -> ReadFile:
    """Unpack a file that was read."""
    side = int(fields["side"])
    return ReadFile(
        header=header_of(fields["header"]),
        pixel_digest=fields["pixel_digest"],
        to_source=np.array(fields["to_source"], np.float64),
        duration_ms=float(fields["duration_ms"]),
        prepared=PreparedInput(
            pixels=np.frombuffer(data, np.uint8).reshape(side, side),
            to_upright=np.array(fields["to_upright"], np.float64),
        ),
    )


def picture_frame(picture: Radiograph) -> bytes:
    """Pack a radiograph of 8 bits that `radiograph.picture.as_picture` made."""
    fields = {
        "header": header_fields(picture.header),
        "to_source": picture.to_source.tolist(),
        "shape": picture.pixels.shape,
    }
    return frame(fields, picture.pixels.tobytes())


def picture_of(fields: Mapping[str, Any], data: bytes) -> Radiograph:
    """Unpack what `picture_frame` packed."""
    rows, columns = fields["shape"]
    return Radiograph(
        pixels=np.frombuffer(data, np.uint8).reshape(int(rows), int(columns)),
        header=header_of(fields["header"]),
        to_source=np.array(fields["to_source"], np.float64).reshape(2, 3),
        pixel_digest=None,
    )
