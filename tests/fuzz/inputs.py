"""The inputs of a campaign: each number always gives the same input."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import headers, images, streams, tiffs, values
from tests.fuzz.damage import ALL, DAMAGE
from tests.fuzz.places import make_place
from tests.fuzz.radiographs import ending_of, valid_files

_MAKERS: dict[str, Callable[[Random], bytes]] = {
    "hostile header": headers.hostile_header,
    "other syntax": headers.other_syntax,
    "strange tables": headers.strange_tables,
    "nested deeply": headers.nested_deeply,
    "unending element": headers.unending_element,
    "private elements": headers.private_elements,
    "deflated bomb": headers.deflated_bomb,
    "immense number": values.immense_number,
    "immense text": values.immense_text,
    "wrong character set": values.wrong_character_set,
    "contradicting depths": values.contradicting_depths,
    "extreme window": values.extreme_window,
    "cut film": values.cut_radiograph,
    "damaged stream": streams.damaged_stream,
    "damaged segment": streams.damaged_segment,
    "strange fragments": streams.strange_fragments,
    "stream bomb": streams.stream_bomb,
    "agreed claim": streams.agreed_claim,
    "many scans": streams.many_scans,
    "small precincts": streams.small_precincts,
    "lying tiff": tiffs.lying_tiff,
    "looping tiff": tiffs.looping_tiff,
    "tiff bomb": tiffs.tiff_bomb,
    "lying png": images.lying_png,
    "png bomb": images.png_bomb,
    "text bomb": images.text_bomb,
    "wrong checksum": images.wrong_checksum,
    "lying jpeg": images.lying_jpeg,
    "lying codestream": images.lying_codestream,
    "colours": images.colours,
    "strange exif": images.strange_exif,
    "something else": images.something_else,
}
_NO_FILE = "no file"
KINDS: tuple[str, ...] = (*DAMAGE, *_MAKERS, _NO_FILE)

#: Weights of the kinds; 30 if not listed. Bombs are slow.
_WEIGHTS = {
    **dict.fromkeys(DAMAGE, 40),
    "hostile header": 180,
    "damaged stream": 120,
    "damaged segment": 60,
    "immense text": 10,
    "nested deeply": 20,
    "private elements": 5,
    "wrong checksum": 10,
    "no file": 10,
    "deflated bomb": 1,
    "stream bomb": 2,
    "agreed claim": 4,
    "many scans": 4,
    "tiff bomb": 1,
    "small precincts": 4,
    "looping tiff": 10,
    "png bomb": 1,
    "text bomb": 2,
}
#: Kinds that leave no readable image; a measurement of one is a fault.
NEVER_MEASURED = frozenset(
    {"cut film", "noise behind the start", "wrong checksum", "something else", _NO_FILE}
    | {each for each in KINDS if each.endswith("bomb") and each != "text bomb"}
)
_ENDINGS = (".dcm", ".png", ".jpg", ".tiff", "", ".DCM", ".bmp", ".html")


def kind_of(seed: int, number: int) -> str:
    """Return the kind of the ``number``-th input; the first ones are one of each kind."""
    if number < len(KINDS):
        return KINDS[number]
    return Random(f"{seed} {number} kind").choices(
        KINDS, [_WEIGHTS.get(each, 30) for each in KINDS]
    )[0]


def write_input(folder: Path, seed: int, number: int, kind: str) -> None:
    """Write one input into ``folder``, under a unique name."""
    random = Random(f"{seed} {number} {kind}")
    if kind == _NO_FILE:
        make_place(folder / _name(random, number, random.choice(_ENDINGS)), random)
        return
    if kind in DAMAGE:
        name = random.choice(sorted(valid_files()))
        content = DAMAGE[kind](valid_files()[name], random)
        for _ in range(random.choice((0, 0, 1, 4))):
            content = random.choice(ALL)(content or b"\0", random)
        ending = ending_of(name)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of intended errors
            content = _MAKERS[kind](random)
        ending = random.choice((".dcm", random.choice(_ENDINGS)))
    (folder / _name(random, number, ending)).write_bytes(content)


def _name(random: Random, number: int, ending: str) -> str:
    """Return a name like those of modalities, people and programs; never hidden or unfinished."""
    stem = random.choice(
        (
            f"{number:06}",
            f"{number:06} a film (1)",
            os.fsdecode(b"%06d-r\xf6ntgen" % number),
            f"{number:06}-\u80f8\u90e8-\U0001fac1",
            f"-{number:06}",
            f"{number:06}\n$(reboot)",
            f"{number:06}'; DROP TABLE file; --",
            f"{number:06}" + "x" * (255 - 6 - len(ending)),
        )
    )
    return stem + ending
