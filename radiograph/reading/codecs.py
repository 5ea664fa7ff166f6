"""Decoders of compressed frames, by transfer syntax (PS3.6 table A-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from radiograph.errors import BrokenHeader
from radiograph.reading.codestream import Claim, jpeg2000_claim, jpeg_claim, jpeg_has_marker
from radiograph.reading.dicom_layout import Layout

Decoded = npt.NDArray[Any]
Decoder = Callable[[bytes, Layout], Decoded]

_RLE_HEADER = np.dtype("<u4")
_RLE_SLACK_BYTES = 1024


def decoder_of(transfer_syntax: str) -> Decoder | None:
    """Return what decodes a frame to (rows, columns[, 3]); it raises what its codec raises."""
    return _DECODERS.get(transfer_syntax)


def _jpeg(frame: bytes, layout: Layout) -> Decoded:
    """Decode JPEG, lossy or not, of 8, 12 or 16 bits; colours as their luminance."""
    _check(jpeg_claim(frame), layout)
    if layout.samples == 1:
        return np.asarray(imagecodecs.jpeg8_decode(frame))
    if jpeg_has_marker(frame):
        return np.asarray(imagecodecs.jpeg8_decode(frame, outcolorspace="RGB"))
    # Without JFIF or Adobe marker a JPEG does not say what its components are; the header does.
    colours = "RGB" if layout.photometric == "RGB" else "YCbCr"
    return np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=colours, outcolorspace="RGB"))


def _jpeg_ls(frame: bytes, layout: Layout) -> Decoded:
    _check(jpeg_claim(frame), layout)
    return np.asarray(imagecodecs.jpegls_decode(frame))


def _jpeg_2000(frame: bytes, layout: Layout) -> Decoded:
    _check(jpeg2000_claim(frame), layout)
    return np.asarray(imagecodecs.jpeg2k_decode(frame))


def _htj2k(frame: bytes, layout: Layout) -> Decoded:
    _check(jpeg2000_claim(frame), layout)
    return np.asarray(imagecodecs.htj2k_decode(frame))


def _rle(frame: bytes, layout: Layout) -> Decoded:
    """Decode RLE (PS3.5 annex G): a segment for each byte of a sample, the highest first."""
    size = layout.bits_allocated // 8
    header = np.frombuffer(frame, _RLE_HEADER, 16)
    count = int(header[0])
    if count != size * layout.samples:
        raise BrokenHeader(f"{count} RLE segments. {BrokenHeader.__doc__}")
    pixels = layout.rows * layout.columns
    starts = [int(start) for start in header[1 : count + 1]] + [len(frame)]
    planes = np.empty((layout.samples, size, pixels), np.uint8)
    for segment in range(count):
        packed = frame[starts[segment] : starts[segment + 1]]
        # The bound keeps a small file from unpacking to a large one.
        plain = imagecodecs.packbits_decode(packed, out=pixels + _RLE_SLACK_BYTES)
        sample, byte = divmod(segment, size)
        planes[sample, byte] = np.frombuffer(plain, np.uint8, pixels)
    values = np.ascontiguousarray(np.moveaxis(planes, 1, -1)).view(f">u{size}")[..., 0]
    shaped = values.reshape(layout.samples, layout.rows, layout.columns)
    shaped = shaped.astype(f"=u{size}", copy=False)
    return shaped[0] if layout.samples == 1 else np.moveaxis(shaped, 0, -1)


def _check(claim: Claim | None, layout: Layout) -> None:
    """Compare what the codestream says with the header, before it allocates its own idea of it."""
    if claim is not None and claim != Claim(layout.rows, layout.columns, layout.samples):
        said = f"{claim.columns} x {claim.rows} x {claim.samples}"
        raise BrokenHeader(f"the codestream says {said}. {BrokenHeader.__doc__}")


_JPEG_PREFIX = "1.2.840.10008.1.2.4."
_DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.5": _rle,
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("50", "51", "53", "55", "57", "70")), _jpeg),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("80", "81")), _jpeg_ls),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("90", "91")), _jpeg_2000),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("201", "202", "203")), _htj2k),
}
