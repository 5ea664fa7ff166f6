"""Damage that is independent of the format: bits, blocks, ends, lengths."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Damage = Callable[[bytes, Random], bytes]

#: The part with the headers, which gets half of all damage.
_HEAD_BYTES = 1200


def flip_bits(content: bytes, random: Random) -> bytes:
    """Flip a few bits."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 2, 8, 64))):
        changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut_short(content: bytes, random: Random) -> bytes:
    """Truncate the file, sometimes within its first bytes."""
    return content[: random.randrange(min(len(content), random.choice((16, 400, 1 << 30))))]


def cut_out(content: bytes, random: Random) -> bytes:
    """Remove a piece, so that everything after it moves."""
    start = _place(content, random)
    return content[:start] + content[start + random.choice((1, 2, 7, 64, 1000)) :]


def repeat(content: bytes, random: Random) -> bytes:
    """Repeat a piece, up to a thousand times."""
    start = _place(content, random)
    piece = content[start : start + random.choice((1, 4, 64, 512))]
    return content[:start] + piece * random.choice((2, 3, 50, 1000)) + content[start:]


def blank(content: bytes, random: Random) -> bytes:
    """Overwrite a piece with one value."""
    start, length = _place(content, random), random.choice((1, 2, 4, 16, 300))
    return (content[:start] + random.choice((b"\0", b"\xff", b"\x80")) * length) + content[
        start + length :
    ]


def swap(content: bytes, random: Random) -> bytes:
    """Exchange two pieces."""
    one, other = sorted((_place(content, random), _place(content, random)))
    length = min(random.choice((2, 4, 32, 512)), other - one)
    first, second = content[one : one + length], content[other : other + length]
    return (
        content[:one] + second + content[one + length : other] + first + content[other + length :]
    )


def lie_about_length(content: bytes, random: Random) -> bytes:
    """Write a number where a length may be."""
    start = _place(content, random) & ~1
    size = random.choice((2, 4))
    value = random.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFF, 0x10000))
    order = random.choice(("little", "big"))
    number = (value & ((1 << 8 * size) - 1)).to_bytes(size, order)  # type: ignore[arg-type]
    return content[:start] + number + content[start + size :]


def noise_behind_the_start(content: bytes, random: Random) -> bytes:
    """Keep only the start by which a file is recognised."""
    kept = random.choice((8, 132, 136, 300))
    return content[:kept] + random.randbytes(random.choice((0, 10, 5000)))


#: By the kind of input.
DAMAGE: dict[str, Damage] = {
    "flipped bits": flip_bits,
    "cut short": cut_short,
    "piece left out": cut_out,
    "piece repeated": repeat,
    "piece blanked": blank,
    "pieces swapped": swap,
    "lie about a length": lie_about_length,
    "noise behind the start": noise_behind_the_start,
}
ALL: tuple[Damage, ...] = tuple(DAMAGE.values())


def _place(content: bytes, random: Random) -> int:
    end = len(content) if random.random() < 0.5 else min(len(content), _HEAD_BYTES)
    return random.randrange(end)
