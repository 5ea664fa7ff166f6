"""Decoding one compressed frame, by transfer syntax.

pydicom's own plugins are slow or missing for these, and one of the free-standing ones is GPL;
imagecodecs (BSD) has them all. HTJ2K goes through OpenJPEG too: OpenJPH is faster but returns
noise for a corrupt stream instead of an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom import uid

from radiograph.errors import BrokenHeader, UndecodablePixels
from radiograph.reading.codestream import frame_size
from radiograph.reading.layout import Layout

Samples = npt.NDArray[Any]


def decode(frame: bytes, layout: Layout, transfer_syntax: str) -> Samples:
    """Decode a frame to (rows, columns) or (rows, columns, 3).

    Raises BrokenHeader where the frame has another size than the header says, UndecodablePixels.
    """
    codec = CODECS[transfer_syntax]
    try:
        samples = codec(frame, layout)
    except (RuntimeError, ValueError, TypeError, IndexError) as exc:
        raise UndecodablePixels.because(f"{type(exc).__name__} in a frame") from exc
    if samples.shape != layout.shape or samples.dtype.kind not in "ui":
        raise UndecodablePixels.because(f"a frame of shape {samples.shape}")
    return samples


def _jpeg(frame: bytes, layout: Layout) -> Samples:
    _check_size(frame, layout)
    # Without a JFIF or Adobe marker libjpeg takes three components for YCbCr, whatever they are.
    unmarked = b"JFIF" not in frame[:64] and b"Adobe" not in frame[:4096]
    colours = "RGB" if layout.photometric == "RGB" and unmarked else None
    return np.asarray(imagecodecs.jpeg_decode(frame, colorspace=colours))


def _jpeg_ls(frame: bytes, layout: Layout) -> Samples:
    _check_size(frame, layout)
    return np.asarray(imagecodecs.jpegls_decode(frame))


def _jpeg_2000(frame: bytes, layout: Layout) -> Samples:
    _check_size(frame, layout)
    return np.asarray(imagecodecs.jpeg2k_decode(frame, numthreads=1))


def _run_length(frame: bytes, layout: Layout) -> Samples:
    """Decode RLE (PS3.5, annex G): one segment for each byte of each sample, planes apart."""
    # Memory of the size the header states, so that runs cannot unfold beyond it.
    planes = np.empty(
        (layout.samples, layout.rows, layout.columns), np.uint8 if layout.bytes == 1 else "<u2"
    )
    imagecodecs.dicomrle_decode(frame, planes.dtype, out=planes)
    return planes[0] if layout.samples == 1 else np.moveaxis(planes, 0, -1)


def _check_size(frame: bytes, layout: Layout) -> None:
    found = frame_size(frame)
    stated = (layout.rows, layout.columns, layout.samples)
    if (found.rows, found.columns, found.components) != stated:
        raise BrokenHeader.because(
            f"the header says {stated}, the frame "
            f"{(found.rows, found.columns, found.components)} (rows, columns, samples)"
        )


CODECS: dict[str, Callable[[bytes, Layout], Samples]] = {
    uid.RLELossless: _run_length,
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    uid.JPEGLossless: _jpeg,
    uid.JPEGLosslessSV1: _jpeg,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.JPEG2000: _jpeg_2000,
    uid.HTJ2KLossless: _jpeg_2000,
    uid.HTJ2KLosslessRPCL: _jpeg_2000,
    uid.HTJ2K: _jpeg_2000,
}

#: Codecs that turn YCbCr into RGB themselves.
CONVERTS_COLOURS = frozenset({_jpeg, _jpeg_2000})
