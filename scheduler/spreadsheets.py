"""Cells that a spreadsheet shows as they are: none of them is taken for a formula."""

from __future__ import annotations

#: What makes a spreadsheet take a cell for a formula, also in the wide forms of these signs, and
#: what some skip in front of one.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: str) -> str:
    """Return a text with an apostrophe before it where it begins as a formula does."""
    return f"'{text}" if text.startswith(_BEGINNINGS) else text
