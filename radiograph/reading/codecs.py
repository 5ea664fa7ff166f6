"""Decoders of compressed frames, by the signature of their streams.

Decoders take what they are given: a cut or corrupt stream comes out of most of them as an image,
so the stream is checked for it first.
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
    """Samples (rows, columns[, 3]) on their grid, and what their stream says of them.

    ``bits``: the stream's precision. ``signed``: whether it says that samples have a sign; None for
    the codecs that know no sign.
    """

    values: Values
    grid: Grid
    bits: int
    signed: bool | None


Decoder = Callable[[bytes, Layout, int | None], Decoded]


def decoder_of(signature: Signature) -> Decoder:
    """Return what decodes a frame; it raises what its codec raises.

    Its last argument is the shorter side that is enough, None for a frame in full.
    """
    return _DECODERS[signature]


def _jpeg(frame: bytes, layout: Layout, enough_px: int | None) -> Decoded:
    """Decode JPEG, lossy or not, of 2 to 16 bits; colours as their luminance."""
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
    # Without JFIF or Adobe marker a JPEG does not say what its components are; the header does.
    colours = "RGB" if layout.photometric == "RGB" else "YCbCr"
    colourspace = None if jpeg_has_marker(frame) else colours
    decoded = jpeg_values(frame, bits, colorspace=colourspace, outcolorspace="RGB")
    # What comes out is red, green and blue, whichever of them the header speaks of.
    return Sampled(np.rint(luminance(decoded)).astype(decoded.dtype))


def _jpeg_ls(frame: bytes, layout: Layout, _enough_px: int | None) -> Decoded:
    _check(jpeg_claim(frame), layout)
    _refuse(jpeg_ls_fault(frame))
    header = jpeg_frame(frame)
    values = np.asarray(imagecodecs.jpegls_decode(frame))
    return Decoded(values, WHOLE, layout.bits_stored if header is None else header.bits, None)


def _jpeg_2000(frame: bytes, layout: Layout, enough_px: int | None) -> Decoded:
    """Decode JPEG 2000, high-throughput or not: OpenJPH is faster, but takes noise for data."""
    _check(jpeg2000_claim(frame), layout)
    _refuse(jpeg2000_fault(frame))
    samples = jpeg2000_samples(frame)
    bits, signed = samples or (layout.bits_stored, layout.signed)
    values, grid = reduced_jpeg_2000(frame, enough_px) or Sampled(
        np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=1))
    )
    return Decoded(values, grid, bits, signed)


def _rle(frame: bytes, layout: Layout, _enough_px: int | None) -> Decoded:
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
    values = planes[0] if layout.samples == 1 else np.moveaxis(planes, 0, -1)
    return Decoded(values, WHOLE, layout.bits_stored, signed=None)


def _check(claim: ClaimedSize | None, layout: Layout) -> None:
    """Compare what the codestream says with the header, before it allocates its own idea of it."""
    if claim is not None and claim != ClaimedSize(layout.rows, layout.columns, layout.samples):
        size = f"{claim.columns} x {claim.rows} x {claim.samples}"
        raise BrokenHeader.because(f"the codestream says {size}")


def _refuse(fault: str | None) -> None:
    if fault == NO_END:
        raise TruncatedFile.because("a frame without an end")
    if fault is not None:
        raise UndecodablePixels.because(f"a frame of {fault}")


_DECODERS: dict[Signature, Decoder] = {
    Signature.JPEG: _jpeg,
    Signature.JPEG_LOSSLESS: _jpeg,
    Signature.JPEG_LS: _jpeg_ls,
    Signature.JPEG_2000: _jpeg_2000,
    Signature.RLE: _rle,
}
