"""Decoders of compressed frames, by the signature of their streams.

Most codecs return an image for a truncated or corrupt stream, so the stream is checked first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import imagecodecs
import numpy as np

from radiograph.errors import BrokenHeader, TruncatedFile, UndecodablePixels
from radiograph.reading.codestream import (
    NO_END,
    ClaimedSize,
    jpeg2000_claim,
    jpeg2000_fault,
    jpeg2000_samples,
    jpeg_claim,
    jpeg_fault,
    jpeg_frame,
    jpeg_has_marker,
    jpeg_ls_fault,
)
from radiograph.reading.dicom_layout import Layout
from radiograph.reading.jpeg import jpeg_values
from radiograph.reading.reduced_decoding import reduced_jpeg, reduced_jpeg_2000
from radiograph.reading.sample_grid import WHOLE, Grid, Sampled, Values
from radiograph.reading.samples import luminance
from radiograph.reading.signature import Signature


class Decoded(NamedTuple):
    """Samples (rows, columns[, 3]) on their grid.

    ``bits``: precision in the stream. ``signed``: signedness in the stream; None for codecs without
    signed samples.
    """

    values: Values
    grid: Grid
    bits: int
    signed: bool | None


Decoder = Callable[[bytes, Layout, int | None], Decoded]


def decoder_of(signature: Signature) -> Decoder:
    """Return the decoder of a frame; it raises what its codec raises.

    Its last argument is ``enough_px`` of `ReadLimits`.
    """
    return _DECODERS[signature]


def _jpeg(frame: bytes, layout: Layout, enough_px: int | None) -> Decoded:
    """Decode JPEG, lossy or lossless, of 2 to 16 bits; colours are returned as luminance."""
    _check(jpeg_claim(frame), layout)
    _refuse(jpeg_fault(frame))
    header = jpeg_frame(frame)
    bits = 8 if header is None else header.bits
    values, grid = _jpeg_samples(frame, layout, bits, enough_px)
    return Decoded(values, grid, bits, signed=None)


def _jpeg_samples(frame: bytes, layout: Layout, bits: int, enough_px: int | None) -> Sampled:
    if layout.samples == 1:
        reduced = reduced_jpeg(frame, enough_px)
        return reduced or Sampled(jpeg_values(frame, bits))
    # Without a JFIF or Adobe marker only the header states what the components are.
    colours = "RGB" if layout.photometric == "RGB" else "YCbCr"
    colourspace = None if jpeg_has_marker(frame) else colours
    decoded = jpeg_values(frame, bits, colorspace=colourspace, outcolorspace="RGB")
    # Decoded as RGB, whatever the header states.
    return Sampled(np.rint(luminance(decoded)).astype(decoded.dtype))


def _jpeg_ls(frame: bytes, layout: Layout, _enough_px: int | None) -> Decoded:
    _check(jpeg_claim(frame), layout)
    _refuse(jpeg_ls_fault(frame))
    header = jpeg_frame(frame)
    values = np.asarray(imagecodecs.jpegls_decode(frame))
    return Decoded(values, WHOLE, layout.bits_stored if header is None else header.bits, None)


def _jpeg_2000(frame: bytes, layout: Layout, enough_px: int | None) -> Decoded:
    """Decode JPEG 2000 and HTJ2K with OpenJPEG: OpenJPH is faster but accepts noise as data."""
    _check(jpeg2000_claim(frame), layout)
    _refuse(jpeg2000_fault(frame))
    samples = jpeg2000_samples(frame)
    bits, signed = samples or (layout.bits_stored, layout.signed)
    values, grid = reduced_jpeg_2000(frame, enough_px) or Sampled(
        np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=1))
    )
    return Decoded(values, grid, bits, signed)


def _rle(frame: bytes, layout: Layout, _enough_px: int | None) -> Decoded:
    """Decode RLE (PS3.5 annex G): one segment per byte of a sample, the most significant first."""
    size = layout.bits_allocated // 8
    count = int.from_bytes(frame[:4], "little")
    if count != size * layout.samples:
        raise BrokenHeader.because(f"{count} RLE segments")
    # A buffer of the size in the header, so that runs cannot expand beyond it.
    shape = (layout.samples, layout.rows, layout.columns)
    memory = bytearray(size * math.prod(shape))
    imagecodecs.dicomrle_decode(frame, f"<u{size}", out=memory)
    planes = np.frombuffer(memory, f"<u{size}").reshape(shape)
    values = planes[0] if layout.samples == 1 else np.moveaxis(planes, 0, -1)
    return Decoded(values, WHOLE, layout.bits_stored, signed=None)


def _check(claim: ClaimedSize | None, layout: Layout) -> None:
    """Compare the size in the codestream with the header, before memory is allocated for it."""
    if claim is not None and claim != ClaimedSize(layout.rows, layout.columns, layout.samples):
        size = f"{claim.columns} x {claim.rows} x {claim.samples}"
        raise BrokenHeader.because(f"the codestream states {size}")


def _refuse(fault: str | None) -> None:
    if fault == NO_END:
        raise TruncatedFile.because("the end of a frame is missing")
    if fault is not None:
        raise UndecodablePixels.because(f"a frame of {fault}")


_DECODERS: dict[Signature, Decoder] = {
    Signature.JPEG: _jpeg,
    Signature.JPEG_LOSSLESS: _jpeg,
    Signature.JPEG_LS: _jpeg_ls,
    Signature.JPEG_2000: _jpeg_2000,
    Signature.RLE: _rle,
}
