"""Pages of a TIFF, decoded by tifffile where Pillow cannot.

Pillow reads samples of up to 8 bits. It reduces deeper colours, reads unsigned 32 bits as signed,
does not invert floats where white is zero, and rejects many other layouts.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from tifffile import EXTRASAMPLE, PHOTOMETRIC, SAMPLEFORMAT, TIFF, TiffFile, TiffPage

from radiograph.errors import BrokenHeader, TruncatedFile, UnsupportedPixels
from radiograph.reading.samples import Alpha, Grey, grey_of

logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)  # messages may contain a name

#: Pages searched for the one at full resolution; pyramids have about ten.
_MOST_PAGES = 100
#: Pixels of a tile that is accepted even if larger than its image.
_LARGEST_TILE = 1 << 22
#: NewSubfileType, TIFF 6.0 section 8: a reduced version of another image, and a mask of one.
_REDUCED, _MASK = 1, 4
_OLD_REDUCED = 2  # SubfileType
_PILLOWS_BITS = 8
_LONGEST_TEXT = 64  # of a photometric interpretation
_MOST_BITS = 64  # of a NumPy integer
_ALPHAS: dict[int, Alpha] = {
    EXTRASAMPLE.ASSOCALPHA: Alpha.PREMULTIPLIED,
    EXTRASAMPLE.UNASSALPHA: Alpha.STRAIGHT,
}
_COLOURS: dict[int, int] = {
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.RGB: 3,
}
#: Disables tifffile's support for vendors' formats, some of which open other files.
_NO_VENDOR_FORMATS: dict[str, Any] = dict.fromkeys(
    (f"is_{each}" for each in TIFF.FILE_FLAGS), False
)


@dataclass(frozen=True, slots=True)
class Page:
    """One image of the file. ``number``: index among the directories, None for a sub-image."""

    image: TiffPage
    number: int | None

    @property
    def is_pillows(self) -> bool:
        """Return whether Pillow reads it without loss."""
        of_numbers = self.image.sampleformat in {SAMPLEFORMAT.UINT, SAMPLEFORMAT.VOID}
        few = self.bits <= _PILLOWS_BITS and of_numbers
        return self.number is not None and few and not self._has_alpha

    @property
    def _has_alpha(self) -> bool:
        colours = _COLOURS.get(self.image.photometric, 0)
        return colours > 0 and self.image.samplesperpixel == colours + 1

    @property
    def bits(self) -> int:
        """Return the bits per sample, the maximum if they differ."""
        found = self.image.bitspersample
        return max(found) if isinstance(found, tuple) else int(found)

    @property
    def orientation(self) -> object:
        """Return the Orientation field, TIFF 6.0 section 8."""
        tag = self.image.tags.get(274)
        return None if tag is None else tag.value

    @property
    def photometric(self) -> str:
        """Return the photometric interpretation and the sample type, for the header."""
        kind = getattr(self.image.photometric, "name", str(self.image.photometric))
        return f"{kind};{self.image.dtype or self.bits}"[:_LONGEST_TEXT]


def page_to_measure(data: bytes) -> Page:
    """Return the first page or sub-image that is not a reduced version of another.

    If all are reduced versions, return the largest. Raises BrokenHeader, TruncatedFile.
    """
    file = TiffFile(io.BytesIO(data), _multifile=False, **_NO_VENDOR_FORMATS)
    found = list(islice(_pages(file), _MOST_PAGES))
    if not found:
        raise TruncatedFile
    whole = (each for each in found if not _is_reduced(each.image))
    largest = max(found, key=lambda each: each.image.imagewidth * each.image.imagelength)
    page = next(whole, largest)
    # A damaged field may have any value or type.
    if page.bits not in range(1, _MOST_BITS + 1):
        raise BrokenHeader.because("BitsPerSample")
    return page


def decode_page(page: Page, data: bytes) -> Grey:
    """Return the grey levels of a page as stored.

    Raises TruncatedFile, UnsupportedPixels, and exceptions of tifffile.
    """
    image = page.image
    colours = _COLOURS.get(image.photometric, 0)
    extra = image.samplesperpixel - colours
    readable = image.dtype is not None and image.dtype.kind in "iuf" and image.imagedepth == 1
    if not colours or not readable or extra not in {0, 1}:
        raise UnsupportedPixels.because(f"TIFF {image.samplesperpixel} x {page.photometric}")
    _check_pieces(image, len(data))
    samples = image.asarray(maxworkers=1)
    if image.axes == "SYX":
        samples = np.moveaxis(samples, 0, -1)
    alpha = (
        _ALPHAS.get(image.extrasamples[0], Alpha.NONE)
        if extra and image.extrasamples
        else (Alpha.NONE)
    )
    if extra and alpha is Alpha.NONE:
        samples = samples[..., :colours]
    white_is_zero = image.photometric == PHOTOMETRIC.MINISWHITE
    return grey_of(samples, alpha=alpha, white_is_zero=white_is_zero)


def _check_pieces(image: TiffPage, length: int) -> None:
    """Check that the file contains every strip and tile; tifffile fills absent ones with zeros."""
    pieces = list(zip(image.dataoffsets, image.databytecounts, strict=False))
    if len(pieces) < math.prod(image.chunked) or any(
        size < 1 or offset < 1 or offset + size > length for offset, size in pieces
    ):
        raise TruncatedFile
    tile = image.tilewidth * image.tilelength if image.is_tiled else 0
    if tile > max(_LARGEST_TILE, 4 * image.imagewidth * image.imagelength):
        raise UnsupportedPixels.because("tiles far larger than the image")


def _pages(file: TiffFile) -> Iterator[Page]:
    """Yield the pages, each before its sub-images (TIFF Technical Note 1)."""
    for number in range(_MOST_PAGES):
        try:
            image = file.pages[number]
        except IndexError:
            return
        if not isinstance(image, TiffPage):
            return
        yield Page(image, number)
        if image.subifds:
            for sub in islice(image.pages or (), _MOST_PAGES):
                if isinstance(sub, TiffPage):
                    yield Page(sub, None)


def _is_reduced(image: TiffPage) -> bool:
    old = image.tags.get(255)
    return bool(int(image.subfiletype) & (_REDUCED | _MASK)) or (
        old is not None and old.value == _OLD_REDUCED
    )
