"""An encoding of the chest, and the result of reading it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from radiograph.errors import RadiographError
from radiograph.reading import ReadLimits
from radiograph.reading.reader import read_content
from tests.encodings.chest import differs

#: Tolerance of one pixel and of the mean: for rounding to 8 bits, and for a lossy codec.
EXACT, LOSSY = (0.02, 0.006), (0.25, 0.02)


@dataclass(frozen=True, slots=True)
class Encoding:
    """``kind``: row of the table; ``name``: variant; ``make``: returns the bytes of the file.

    ``code``: expected error code, None if it is read. ``note``: expected reading note.
    ``lossy``: compared with the tolerance of lossy codecs.
    """

    kind: str
    name: str
    make: Callable[[], bytes]
    code: str | None = None
    note: str | None = None
    lossy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """``equal``: the chest was read; ``code``: it was refused; ``fault``: any other outcome."""

    equal: bool = False
    code: str | None = None
    fault: str | None = None


def outcome_of(encoding: Encoding) -> Outcome:
    """Write and read one file."""
    try:
        read = read_content(encoding.make(), "chest.dcm", ReadLimits())
    except RadiographError as exc:
        expected = exc.code == encoding.code
        return Outcome(code=exc.code, fault=None if expected else f"refused: {exc}")
    if encoding.code is not None:
        return Outcome(fault=f"read, and not refused as {encoding.code}")
    mean, most = differs(read.pixels)
    most_allowed, mean_allowed = LOSSY if encoding.lossy else EXACT
    if most > most_allowed or mean > mean_allowed:
        return Outcome(fault=f"wrong by {mean:.4f} on average, {most:.3f} at most")
    if read.header.reading_note != encoding.note:
        return Outcome(fault=f"its note is {read.header.reading_note}")
    return Outcome(equal=True)


def of_kind(kind: str, encodings: list[Encoding]) -> list[Encoding]:
    """Set the kind of encodings."""
    return [dataclasses.replace(each, kind=kind) for each in encodings]
