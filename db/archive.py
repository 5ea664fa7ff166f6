"""Stored paths: in full, or below a root of the archive by its label.

``LABEL:/rest`` names a file below the root of that label, wherever a machine has mounted it. A
path in full begins with a slash, so the two are never confused, and a database may hold both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cached_property

_LABELLED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):/")


class Archive:
    """The labelled roots as this machine has mounted them, and the form of what it stores."""

    def __init__(self, roots: Mapping[str, str] | None = None, *, relative: bool = False) -> None:
        """``roots``: absolute folders by label."""
        self._named = dict(roots or {})
        self._relative = relative

    @cached_property
    def _folders(self) -> dict[str, str]:
        """The folders, links resolved as in submitted paths, the deepest first; without slash."""
        # Resolved when the first path is met: what reads no path waits for no share.
        real = {label: os.path.realpath(each).rstrip("/") for label, each in self._named.items()}
        return dict(sorted(real.items(), key=lambda each: (-len(each[1]), each[0])))

    def spellings(self, path: str) -> list[str]:
        """Return every text under which the file at ``path`` may be stored, the preferred first."""
        whole = self.here(path)
        below = [
            f"{label}:{whole.removeprefix(folder)}"
            for label, folder in self._folders.items()
            if whole == folder or whole.startswith(f"{folder}/")
        ]
        return [*below, whole] if self._relative else [whole, *below]

    def stored(self, path: str) -> str:
        """Return the text that is stored; a path in no root stays in full."""
        return self.spellings(path)[0] if self._relative else path

    def here(self, stored: str) -> str:
        """Return where this machine has the file; a label it does not know stays as it is."""
        label = label_of(stored)
        if label is None or label not in self._folders:
            return stored
        return self._folders[label] + stored.removeprefix(f"{label}:")

    def is_usual(self, stored: str) -> bool:
        """Whether this machine would store the file under this text."""
        whole = self.here(stored)
        return label_of(whole) is None and self.stored(whole) == stored


def label_of(path: str) -> str | None:
    """Return the label of a root that a path is written below; None: it is a path in full."""
    found = _LABELLED.match(path)
    return None if found is None else found[1]
