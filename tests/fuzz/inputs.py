"""The inputs of a campaign: a number makes an input, always the same one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import headers, images
from tests.fuzz.damage import DAMAGE
from tests.fuzz.films import ending_of, sound_films
from tests.fuzz.places import make_place

#: How often each kind comes, in thousandths; bombs are slow and large.
_SHARES: dict[str, int] = {
    "damaged": 430,
    "hostile header": 230,
    "other syntax": 40,
    "strange tables": 40,
    "nested deeply": 20,
    "unending element": 30,
    "private elements": 5,
    "deflated bomb": 1,
    "lying png": 40,
    "png bomb": 1,
    "text bomb": 2,
    "wrong checksum": 10,
    "lying jpeg": 30,
    "lying codestream": 30,
    "colours": 30,
    "strange exif": 20,
    "something else": 31,
    "no file": 10,
}
KINDS = tuple(_SHARES)

_MAKERS: dict[str, Callable[[Random], bytes]] = {
    "hostile header": headers.hostile_header,
    "other syntax": headers.other_syntax,
    "strange tables": headers.strange_tables,
    "nested deeply": headers.nested_deeply,
    "unending element": headers.unending_element,
    "private elements": headers.private_elements,
    "deflated bomb": headers.deflated_bomb,
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
_ENDINGS = (".dcm", ".png", ".jpg", ".tiff", "", ".DCM", ".bmp", ".html")


def kind_of(seed: int, number: int) -> str:
    """Return what kind the ``number``-th input is; the first ones are one of each kind."""
    if number < len(KINDS):
        return KINDS[number]
    return Random(f"{seed} {number} kind").choices(KINDS, list(_SHARES.values()))[0]


def write_input(folder: Path, seed: int, number: int, kind: str) -> None:
    """Write one input into ``folder``, under a name of its own."""
    random = Random(f"{seed} {number} {kind}")
    ending = random.choice(_ENDINGS)
    if kind == "damaged":
        film = random.choice(sorted(sound_films()))
        content = sound_films()[film]
        for _ in range(random.choice((1, 1, 2, 5))):
            content = random.choice(DAMAGE)(content, random) or b"\0"
        ending = ending_of(film)
    elif kind != "no file":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of what is meant to be wrong
            content = _MAKERS[kind](random)
        ending = random.choice((".dcm", ending)) if "bomb" in kind or kind[0] in "hosnu" else ending
    path = folder / _name(random, number, ending)
    if kind == "no file":
        make_place(path, random)
    else:
        path.write_bytes(content)


def _name(random: Random, number: int, ending: str) -> str:
    """Return a name as modalities, people and programs give them; never hidden or unfinished."""
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
