"""Conversion of stored bits to numbers: mask unused bits, extend the sign."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from radiograph.reading.dicom_layout import Layout

Stored = npt.NDArray[Any]


class Samples(NamedTuple):
    """Numbers with their actual precision and signedness.

    ``contradictory``: the header differs in a way that changes the numbers.
    """

    values: Stored
    bits: int
    signed: bool
    contradictory: bool


def sign_extended(samples: Stored, bits: int, high_bit: int, *, signed: bool) -> Stored:
    """Return values with unused bits masked (they can be overlays) and the sign extended."""
    size = samples.dtype.itemsize
    unsigned = samples.astype(f"u{size}", copy=False)
    if high_bit + 1 < bits or bits > 8 * size:
        bits = 8 * size
    shift = high_bit + 1 - bits if high_bit + 1 > bits else 0
    if shift or bits < 8 * size:
        unsigned = (unsigned >> shift) & ((1 << bits) - 1)
    if not signed:
        return unsigned
    spare = 8 * size - bits
    shifted = (unsigned << spare).astype(f"u{size}", copy=False).view(f"i{size}")
    return np.asarray(shifted >> spare)


def samples_of(decoded: Stored, bits: int, layout: Layout, *, signed: bool | None) -> Samples:
    """Return the numbers of decoded samples.

    ``bits`` and ``signed``: those of the codestream, which take precedence (PS3.5 A.4.4);
    ``signed`` is None for codecs without signed samples. If only the header is signed, the samples
    are two's complement, and the sign is extended from the precision of the codestream.
    """
    if signed or (signed is None and decoded.dtype.kind == "i"):
        contradictory = not layout.signed or bits != layout.bits_stored
        return Samples(decoded, bits, signed=True, contradictory=contradictory)
    if not layout.signed:
        # A precision wider than the values need does not change them.
        is_wider = bits > layout.bits_stored and not int(decoded.max()) >> layout.bits_stored
        bits = layout.bits_stored if is_wider else bits
        return Samples(decoded, bits, signed=False, contradictory=False)
    sign_bits = _sign_bits(decoded, bits, layout.bits_stored)
    values = sign_extended(decoded, sign_bits, sign_bits - 1, signed=True)
    contradictory = signed is False or sign_bits != layout.bits_stored
    return Samples(values, sign_bits, signed=True, contradictory=contradictory)


def _sign_bits(decoded: Stored, bits: int, bits_stored: int) -> int:
    """Return the number of bits, the sign included, of two's complement samples.

    A codestream may be wider than its values: if all fit into the header's bits, with or without
    the sign extended into the others, those bits are used.
    """
    if bits <= bits_stored:
        return bits
    if not int(decoded.max()) >> bits_stored:
        return bits_stored
    by_header = sign_extended(decoded, bits_stored, bits_stored - 1, signed=True)
    by_stream = sign_extended(decoded, bits, bits - 1, signed=True)
    return bits_stored if np.array_equal(by_header, by_stream) else bits
