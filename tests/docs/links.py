"""Links of a Markdown page, and dead ones among them.

Anchors as GitHub generates them from headings: lower case, dashes for spaces, no punctuation, a
number after repeated names. Links to the web are not checked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?<=\n\n)(?:(?: {4}|\t)[^\n]*\n+)+")
CODE = re.compile(r"`[^`\n]*`")
INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def prose(text: str) -> str:
    """Return a page without its code."""
    return CODE.sub("", INDENTED.sub("", FENCE.sub("", text)))


def links(text: str) -> Iterator[str]:
    """Return the targets of a page's links, pictures among them."""
    without_code = prose(text)
    yield from INLINE.findall(without_code)
    yield from REFERENCE.findall(without_code)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings."""
    found: set[str] = set()
    times: Counter[str] = Counter()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{anchor}-{times[anchor]}" if times[anchor] else anchor)
        times[anchor] += 1
    return found


def leads_nowhere(link: str, page: Path, root: Path) -> bool:
    """Return whether the file or the heading of a link is missing in ``root``."""
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if name.startswith("/") or not target.is_relative_to(root) or not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def dead(page: Path, root: Path) -> list[str]:
    """Return the dead links of a page within ``root``."""
    inner = [each for each in links(page.read_text(encoding="utf-8")) if not SCHEME.match(each)]
    return [each for each in inner if leads_nowhere(each, page, root)]
