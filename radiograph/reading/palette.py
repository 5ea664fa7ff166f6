"""Palette colours, in any VR and byte order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from radiograph.errors import BrokenHeader
from radiograph.reading.elements import values

_NAMES = ("Red", "Green", "Blue")


def palette_colours(stored: npt.NDArray[Any], dataset: Dataset) -> npt.NDArray[Any]:
    """Return the colours (rows, columns, 3) of palette indices ``stored``. Raises BrokenHeader."""
    try:
        return np.asarray(apply_color_lut(stored, _little_endian(dataset)))
    except MemoryError:
        raise
    except Exception as exc:  # an inconsistent palette fails in many ways
        raise BrokenHeader.because("no usable palette") from exc


def _little_endian(dataset: Dataset) -> Dataset:
    """Return a data set of the palette only, with entries as little-endian bytes, for pydicom.

    Entries of VR OW are words in the byte order of the file (PS3.5 7.3), those of US are numbers.
    """
    palette = Dataset()
    palette.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    swap = dataset.original_encoding[1] is False
    for colour in _NAMES:
        keyword = f"{colour}PaletteColorLookupTableDescriptor"
        if descriptor := values(dataset, keyword):
            # US or SS: the count is unsigned.
            setattr(palette, keyword, [descriptor[0] % 65536, *descriptor[1:]])
        for keyword in (
            f"{colour}PaletteColorLookupTableData",
            f"Segmented{colour}PaletteColorLookupTableData",
        ):
            if data := values(dataset, keyword):
                in_words = dataset[keyword].VR == "OW"
                setattr(palette, keyword, _as_bytes(data, swap=swap and in_words))
    return palette


def _as_bytes(data: list[Any], *, swap: bool) -> bytes:
    if not isinstance(data[0], bytes):
        return (np.array(data, np.int64) % 65536).astype("<u2").tobytes()
    words = data[0][: len(data[0]) // 2 * 2]
    return np.frombuffer(words, "<u2").byteswap().tobytes() if swap else data[0]
