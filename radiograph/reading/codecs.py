"""Decoders of compressed frames, by transfer syntax (PS3.6 table A-1).

Decoders take what they are given: a cut or corrupt stream comes out of most of them as an image,
so the stream is checked for it first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import imagecodecs
import numpy as np

from radiograph.errors import BrokenHeader, TruncatedFile, UndecodablePixels
from radiograph.reading.codestream import (
    NO_END,
    Claim,
    jpeg2000_claim,
    jpeg2000_fault,
    jpeg_claim,
    jpeg_fault,
    jpeg_has_marker,
    jpeg_ls_fault,
)
from radiograph.reading.colour import luminance
from radiograph.reading.dicom_layout import Layout
from radiograph.reading.reduced import reduced_jpeg, reduced_jpeg_2000
from radiograph.reading.sampling import Sampled

Decoder = Callable[[bytes, Layout, int | None], Sampled]


def decoder_of(transfer_syntax: str) -> Decoder | None:
    """Return what decodes a frame to (rows, columns[, 3]); it raises what its codec raises.

    Its last argument is the shorter side that is enough, None for a frame in full.
    """
    return _DECODERS.get(transfer_syntax)


def _jpeg(frame: bytes, layout: Layout, enough_px: int | None) -> Sampled:
    """Decode JPEG, lossy or not, of 8, 12 or 16 bits; colours as their luminance."""
    _check(jpeg_claim(frame), layout)
    _refuse(jpeg_fault(frame))
    if layout.samples == 1:
        reduced = reduced_jpeg(frame, enough_px)
        return reduced or Sampled(np.asarray(imagecodecs.jpeg8_decode(frame)))
    # Without JFIF or Adobe marker a JPEG does not say what its components are; the header does.
    colours = "RGB" if layout.photometric == "RGB" else "YCbCr"
    said = None if jpeg_has_marker(frame) else colours
    decoded = np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=said, outcolorspace="RGB"))
    # What comes out is red, green and blue, whichever of them the header speaks of.
    return Sampled(np.rint(luminance(decoded)).astype(decoded.dtype))


def _jpeg_ls(frame: bytes, layout: Layout, _enough_px: int | None) -> Sampled:
    _check(jpeg_claim(frame), layout)
    _refuse(jpeg_ls_fault(frame))
    return Sampled(np.asarray(imagecodecs.jpegls_decode(frame)))


def _jpeg_2000(frame: bytes, layout: Layout, enough_px: int | None) -> Sampled:
    """Decode JPEG 2000, high-throughput or not: OpenJPH is faster, but takes noise for data."""
    _check(jpeg2000_claim(frame), layout)
    _refuse(jpeg2000_fault(frame))
    reduced = reduced_jpeg_2000(frame, enough_px)
    return reduced or Sampled(np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=1)))


def _rle(frame: bytes, layout: Layout, _enough_px: int | None) -> Sampled:
    """Decode RLE (PS3.5 annex G): a segment for each byte of a sample, the highest first."""
    size = layout.bits_allocated // 8
    count = int.from_bytes(frame[:4], "little")
    if count != size * layout.samples:
        raise BrokenHeader.because(f"{count} RLE segments")
    # Memory of the size that the header states, so that runs cannot unfold beyond it.
    shape = (layout.samples, layout.rows, layout.columns)
    memory = bytearray(size * math.prod(shape))
    imagecodecs.dicomrle_decode(frame, f"<u{size}", out=memory)
    planes = np.frombuffer(memory, f"<u{size}").reshape(shape)
    return Sampled(planes[0] if layout.samples == 1 else np.moveaxis(planes, 0, -1))


def _check(claim: Claim | None, layout: Layout) -> None:
    """Compare what the codestream says with the header, before it allocates its own idea of it."""
    if claim is not None and claim != Claim(layout.rows, layout.columns, layout.samples):
        said = f"{claim.columns} x {claim.rows} x {claim.samples}"
        raise BrokenHeader.because(f"the codestream says {said}")


def _refuse(fault: str | None) -> None:
    if fault == NO_END:
        raise TruncatedFile.because("a frame without an end")
    if fault is not None:
        raise UndecodablePixels.because(f"a frame of {fault}")


_JPEG_PREFIX = "1.2.840.10008.1.2.4."
_DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.5": _rle,
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("50", "51", "53", "55", "57", "70")), _jpeg),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("80", "81")), _jpeg_ls),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("90", "91")), _jpeg_2000),
    **dict.fromkeys((_JPEG_PREFIX + end for end in ("201", "202", "203")), _jpeg_2000),
}
