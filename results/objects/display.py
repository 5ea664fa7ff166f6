"""How an image is shown: what a presentation state has to repeat of its header.

A viewer that applies a presentation state takes everything from it (PS3.4 N.2), so that one
without the image's window would show the image dark.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from radiograph.reading.elements import items, numbers, text, values, whole_number

_WORDS = 1 << 16
#: VR DS.
_LONGEST_NUMBER = 16
_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
#: Defined terms of Modality LUT Type and Rescale Type; others are left unspecified.
_MODALITY_TYPES = frozenset({"OD", "HU", "US", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"})
_UNSPECIFIED = "US"


@dataclass(frozen=True, slots=True)
class Table:
    """A look-up table (PS3.3 C.11.1.1). ``descriptor``: entries, first value mapped, bits."""

    descriptor: tuple[int, int, int]
    entries: bytes  # 16-bit words, little endian
    signed: bool  # the first value mapped
    kind: str | None = None  # of a modality table


@dataclass(frozen=True, slots=True)
class Window:
    """A window of values; ``function`` is None where it is the usual one."""

    center: str
    width: str
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """From stored values to grey levels."""

    grey: bool
    inverse: bool
    rescale: tuple[str, str, str] | None = None  # intercept, slope, type
    modality_table: Table | None = None
    window: Window | None = None
    voi_table: Table | None = None


def display_of(dataset: Dataset) -> Display:
    """Return how an image is shown; what is malformed is left out."""
    photometric = (text(dataset, "PhotometricInterpretation") or "").upper()
    modality_table = _table(dataset, "ModalityLUTSequence")
    voi_table = _table(dataset, "VOILUTSequence")
    return Display(
        grey=photometric in {"MONOCHROME1", "MONOCHROME2"},
        inverse=photometric == "MONOCHROME1",
        rescale=None if modality_table else _rescale(dataset),
        modality_table=modality_table,
        window=None if voi_table else _window(dataset),
        voi_table=voi_table,
    )


def decimal(value: float) -> str:
    """Return a number as VR DS holds it, in at most 16 characters."""
    for digits in range(15, 0, -1):
        written = f"{value:.{digits}g}"
        if len(written) <= _LONGEST_NUMBER:
            return written
    return f"{value:.0e}"


def _rescale(dataset: Dataset) -> tuple[str, str, str] | None:
    slopes, intercepts = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    if not slopes or not intercepts or slopes[0] == 0:
        return None
    kind = (text(dataset, "RescaleType") or "").upper()
    known = kind if kind in _MODALITY_TYPES else _UNSPECIFIED
    return decimal(intercepts[0]), decimal(slopes[0]), known


def _window(dataset: Dataset) -> Window | None:
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    function = (text(dataset, "VOILUTFunction") or "").upper()
    if function not in _FUNCTIONS - {"LINEAR"}:
        function = ""
    # PS3.3 C.11.2.1.2: a linear window is at least 1 wide.
    least = 0.0 if function else 1.0
    for center, width in zip(centers, widths, strict=False):
        if width > 0 and width >= least:
            return Window(decimal(center), decimal(width), function or None)
    return None


def _table(dataset: Dataset, keyword: str) -> Table | None:
    signed = whole_number(dataset, "PixelRepresentation") == 1
    big = dataset.original_encoding[1] is False
    for item in items(dataset, keyword):
        descriptor, data = numbers(item, "LUTDescriptor"), values(item, "LUTData")
        if len(descriptor) != 3 or not data:
            continue
        count, first, bits = (int(each) for each in descriptor)
        count = count % _WORDS or _WORDS
        entries = _words(data, big=big)
        if len(entries) != 2 * count or not 8 <= bits <= 16:
            continue
        low, high = (-_WORDS // 2, _WORDS // 2) if signed else (0, _WORDS)
        if first < low or first >= high:
            first = first - _WORDS if first >= high else first + _WORDS
        if not low <= first < high:
            continue
        kind = (text(item, "ModalityLUTType") or "").upper()
        known = kind if kind in _MODALITY_TYPES else _UNSPECIFIED
        return Table((count % _WORDS, first, bits), entries, signed, known)
    return None


def _words(data: list[object], *, big: bool) -> bytes:
    """Return the entries of a table, which have no sign whatever their VR, as little endian."""
    if isinstance(data[0], bytes):
        raw = data[0][: len(data[0]) // 2 * 2]
        if not big:
            return raw
        swapped = bytearray(len(raw))
        swapped[0::2], swapped[1::2] = raw[1::2], raw[0::2]
        return bytes(swapped)
    try:
        return b"".join((int(str(each)) % _WORDS).to_bytes(2, "little") for each in data)
    except ValueError:
        return b""
