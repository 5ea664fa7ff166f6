"""The least length of a secret."""

from __future__ import annotations

import re

#: The size of the key of the hash.
SECRET_BYTES = 32
#: 32 random bytes have fewer different hex digits with a probability below one in a billion.
_FEWEST_DIFFERENT = 8
_HEX = re.compile(r"[0-9a-fA-F]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def check_secret(text: str) -> None:
    """Refuse a key of fewer than 32 bytes. Raises ValueError with instructions to make one.

    A hexadecimal digit counts as half a byte, a base64 digit as three quarters, other text by
    its UTF-8 bytes.
    """
    if _HEX.fullmatch(text):
        held = len(text) // 2
    elif _BASE64.fullmatch(text):
        held = len(text.rstrip("=")) * 3 // 4
    else:
        held = len(text.encode("utf-8", "surrogateescape"))
    if held < SECRET_BYTES or len(set(text)) < _FEWEST_DIFFERENT:
        raise ValueError(
            f"a key needs {SECRET_BYTES} random bytes or more, as hex (64 digits), base64 (43) or"
            " text: make one with `openssl rand -hex 32`. Data stored with another key cannot be"
            " found with the new one"
        )
