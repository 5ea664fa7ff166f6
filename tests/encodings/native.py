"""Native grey values: bits, signs, polarities, transfer syntaxes, windows and LUTs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from pydicom.sequence import Sequence

from tests.encodings.dicom import FORMS, Bits, Form, grey, item_of_table, set_words, written
from tests.encodings.encoding import Encoding

BITS = tuple(
    Bits(*numbers, signed=signed)
    for numbers in (
        (8, 8, 7),
        (16, 8, 7),
        (16, 10, 9),
        (16, 12, 11),
        (16, 12, 15),
        (16, 14, 13),
        (16, 16, 15),
        (32, 16, 15),
        (32, 24, 23),
    )
    for signed in (False, True)
)
_TABLE_VRS = ("US", "SS", "OW")


def plain(_bits: Bits, _form: Form) -> dict[str, Any]:
    return {}


def windowed(bits: Bits, _form: Form) -> dict[str, Any]:
    middle = bits.first + (1 << (bits.stored - 1))
    function = {"WindowCenter": str(middle), "WindowWidth": str(1 << bits.stored)}
    return function | {"VOILUTFunction": "LINEAR_EXACT"}


def rescaled(bits: Bits, _form: Form) -> dict[str, Any]:
    middle = 2 * (bits.first + (1 << (bits.stored - 1))) - 1000
    of_window = {"WindowCenter": str(middle), "WindowWidth": str(2 << bits.stored)}
    return {"RescaleSlope": "2", "RescaleIntercept": "-1000", **of_window}


def in_table(bits: Bits, form: Form, *, name: str, vr: str) -> dict[str, Any]:
    """Return a linear table of every value of the bits to the full range of 16 bits."""
    count = 1 << min(bits.stored, 16)
    entries = np.rint(np.linspace(0, 65535, count))
    item = item_of_table(entries, bits.first, vr, big_endian=not form.little_endian)
    return {name: Sequence([item])}


Showing = Callable[[Bits, Form], dict[str, Any]]
SHOWINGS: dict[str, Showing] = {
    "no window": plain,
    "window": windowed,
    "rescale and window": rescaled,
    **{
        f"{name} as {vr}": partial(in_table, name=f"{name}Sequence", vr=vr)
        for name in ("ModalityLUT", "VOILUT")
        for vr in _TABLE_VRS
    },
}


def encodings() -> Iterator[Encoding]:
    """Yield every form, all bits, both polarities; LUTs where the bits fit their words."""
    for form, bits, inverse in product(FORMS, BITS, (False, True)):
        for name, showing in SHOWINGS.items():
            if "LUT" in name and (bits.stored > 12 or inverse):
                continue
            sign = "signed" if bits.signed else "unsigned"
            layout = f"{sign} {bits.stored} of {bits.allocated} up to {bits.high}"
            polarity = "MONOCHROME1" if inverse else "MONOCHROME2"
            yield Encoding(
                "DICOM, plain grey values",
                f"{form.name}, {layout}, {polarity}, {name}",
                partial(_file, form, bits, showing, inverse=inverse),
            )


def _file(form: Form, bits: Bits, showing: Showing, *, inverse: bool) -> bytes:
    dataset = grey(bits, **showing(bits, form))
    if inverse:
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.PresentationLUTShape = "INVERSE"
    return written(set_words(dataset, bits.words(inverse=inverse), form), form)
