"""The Image Pixel attributes of a header, validated before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from radiograph.errors import BrokenHeader, UnsupportedPixels, quoted
from radiograph.reading.elements import text, whole_number

#: PS3.3 C.7.6.3.1.2.
_MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PALETTE = "PALETTE COLOR"
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The Image Pixel module, PS3.3 C.7.6.3. ``planar``: colours are stored plane by plane."""

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    frames: int

    @property
    def monochrome(self) -> bool:
        """Return whether samples are grey values."""
        return self.photometric in _MONOCHROME

    @property
    def palette(self) -> bool:
        """Return whether samples are palette indices."""
        return self.photometric == _PALETTE

    @property
    def subsampled(self) -> bool:
        """Return whether two pixels share their chrominance: Y Y Cb Cr (PS3.3 C.7.6.3.1.2)."""
        return self.photometric == "YBR_FULL_422"

    @property
    def frame_bytes(self) -> int:
        """Return the length of one uncompressed frame."""
        samples = 2 if self.subsampled else self.samples
        return (self.rows * self.columns * samples * self.bits_allocated + 7) // 8


def layout(dataset: Dataset) -> Layout:
    """Return the layout. Raises BrokenHeader, UnsupportedPixels."""
    rows, columns = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise BrokenHeader.because("no rows or columns")
    samples = whole_number(dataset, "SamplesPerPixel") or 1
    photometric = text(dataset, "PhotometricInterpretation")
    photometric = photometric.upper() if photometric else ("RGB" if samples == 3 else "MONOCHROME2")
    if photometric not in _MONOCHROME | _COLOURS | {_PALETTE}:
        raise UnsupportedPixels.because(f"photometric interpretation {quoted(photometric)}")
    if samples != (3 if photometric in _COLOURS else 1):
        raise BrokenHeader.because(f"{samples} samples of {photometric}")
    allocated = whole_number(dataset, "BitsAllocated")
    if allocated is None or not 1 <= allocated <= 64:
        raise BrokenHeader.because(f"{allocated} bits allocated")
    if allocated not in {1, 8, 16, 32}:
        raise UnsupportedPixels.because(f"{allocated} bits allocated")
    stored = whole_number(dataset, "BitsStored")
    stored = allocated if stored is None else stored
    high = whole_number(dataset, "HighBit")
    high = stored - 1 if high is None else high
    if not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        found = f"{stored} bits stored with high bit {high} of {allocated}"
        raise BrokenHeader.because(found)
    return Layout(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        signed=whole_number(dataset, "PixelRepresentation") == 1,
        planar=samples == 3 and whole_number(dataset, "PlanarConfiguration") == 1,
        frames=max(1, whole_number(dataset, "NumberOfFrames") or 1),
    )
