"""How the samples of a DICOM image lie in memory (PS3.3, C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from radiograph.errors import BrokenHeader, UnsupportedPixels
from radiograph.reading.elements import integer, text

PALETTE = "PALETTE COLOR"
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2", PALETTE})
_COLOURS = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The image pixel module of one file, checked."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits: int
    high_bit: int
    signed: bool
    photometric: str
    planar: bool

    @property
    def bytes(self) -> int:
        """Bytes of one sample."""
        return self.bits_allocated // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one decoded frame."""
        grey = (self.rows, self.columns)
        return grey if self.samples == 1 else (*grey, self.samples)


def read_layout(dataset: Dataset) -> Layout:
    """Return the layout the header states. Raises BrokenHeader, UnsupportedPixels."""
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    allocated = integer(dataset, "BitsAllocated") or 0
    if rows <= 0 or columns <= 0 or allocated <= 0:
        raise BrokenHeader.because(f"{rows} rows, {columns} columns, {allocated} bits allocated")
    samples = integer(dataset, "SamplesPerPixel") or 1
    stated = (text(dataset, "PhotometricInterpretation") or "").upper()
    photometric = stated or ("MONOCHROME2" if samples == 1 else "RGB")
    if photometric not in (_GREY if samples == 1 else _COLOURS) or samples not in {1, 3}:
        raise UnsupportedPixels.because(f"{samples} samples a pixel, {photometric[:16]}")
    if allocated not in {8, 16}:
        raise UnsupportedPixels.because(f"{allocated} bits allocated")
    bits = integer(dataset, "BitsStored") or allocated
    found = integer(dataset, "HighBit")
    high_bit = bits - 1 if found is None else found
    if not 0 < bits <= allocated or not bits - 1 <= high_bit < allocated:
        raise BrokenHeader.because(f"{bits} bits stored of {allocated}, high bit {high_bit}")
    return Layout(
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits=bits,
        high_bit=high_bit,
        signed=integer(dataset, "PixelRepresentation") == 1,
        photometric=photometric,
        planar=integer(dataset, "PlanarConfiguration") == 1,
    )
