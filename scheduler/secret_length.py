"""How long a secret has to be that nobody is to guess."""

from __future__ import annotations

import re

#: As many random bytes as the hash that is keyed with them takes.
SECRET_BYTES = 32
#: 32 random bytes have fewer different digits in hex once in many thousand million times.
_FEWEST_DIFFERENT = 8
_HEX = re.compile(r"[0-9a-fA-F]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def check_secret(text: str) -> None:
    """Refuse a key of fewer than 32 bytes. Raises ValueError, which says how to make one.

    Hexadecimal digits count half a byte each, those of base64 three quarters, and any other text
    its bytes of UTF-8.
    """
    if _HEX.fullmatch(text):
        held = len(text) // 2
    elif _BASE64.fullmatch(text):
        held = len(text.rstrip("=")) * 3 // 4
    else:
        held = len(text.encode("utf-8", "surrogateescape"))
    if held < SECRET_BYTES or len(set(text)) < _FEWEST_DIFFERENT:
        raise ValueError(
            f"a key has {SECRET_BYTES} random bytes or more, as hex (64 digits), base64 (43) or"
            " text: make one with `openssl rand -hex 32`. What was stored under another key keeps"
            " its hashes, which the new one does not find"
        )
