"""Stored paths: in full, below a root of the archive by its label, or hashed.

``LABEL:/rest`` names a file below the root of that label, wherever a machine has mounted it. A
path in full begins with a slash, and ``#DIGITS`` with what begins no label, so that no two are ever
confused, and a database may hold all three.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property

_LABELLED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):/")
#: What a path that is not kept begins with in the database.
HASHED_MARK = "#"
#: A hash as it is stored, and as it is shown.
_HASHED = re.compile(f"(?:{HASHED_MARK})?([0-9a-f]{{32}})")


class Archive:
    """The labelled roots as this machine has mounted them, and the form of what it stores."""

    def __init__(
        self,
        roots: Mapping[str, str] | None = None,
        *,
        relative: bool = False,
        hashing: Callable[[str], str] | None = None,
    ) -> None:
        """``roots``: absolute folders by label.

        ``hashing``: gives the 32 hex digits that a path is replaced by once it is not needed any
        more; None: paths are kept.
        """
        self._named = dict(roots or {})
        self._relative = relative
        self._hashing = hashing

    @property
    def hashes(self) -> bool:
        """Whether paths are replaced by their hashes once their work has ended."""
        return self._hashing is not None

    def hashed(self, path: str) -> str:
        """Return what is stored for the file at ``path`` once its work has ended.

        Raises ValueError: paths are kept.
        """
        if is_hashed(path):
            return path
        if self._hashing is None:
            raise ValueError("paths are kept")
        return HASHED_MARK + self._hashing(self.here(path))

    @cached_property
    def _folders(self) -> dict[str, str]:
        """The folders, links resolved as in submitted paths, the deepest first; without slash."""
        # Resolved when the first path is met: what reads no path waits for no share.
        real = {label: os.path.realpath(each).rstrip("/") for label, each in self._named.items()}
        return dict(sorted(real.items(), key=lambda each: (-len(each[1]), each[0])))

    def spellings(self, path: str) -> list[str]:
        """Return every text under which the file at ``path`` may be stored, the preferred first."""
        if (digits := hash_of(path)) is not None:
            return list(dict.fromkeys([path, HASHED_MARK + digits]))
        whole = self.here(path)
        below = [
            f"{label}:{whole.removeprefix(folder)}"
            for label, folder in self._folders.items()
            if whole == folder or whole.startswith(f"{folder}/")
        ]
        hashed = [self.hashed(whole)] if self.hashes else []
        return [*below, whole, *hashed] if self._relative else [whole, *below, *hashed]

    def stored(self, path: str) -> str:
        """Return the text that is stored; a path in no root stays in full."""
        return self.spellings(path)[0] if self._relative else path  # until its work has ended

    def here(self, stored: str) -> str:
        """Return where this machine has the file; a label it does not know stays as it is."""
        label = label_of(stored)
        if label is None or label not in self._folders:
            return stored
        return self._folders[label] + stored.removeprefix(f"{label}:")

    def is_usual(self, stored: str) -> bool:
        """Whether this machine would store the file under this text."""
        if is_hashed(stored):
            return self.hashes
        whole = self.here(stored)
        return label_of(whole) is None and self.stored(whole) == stored


def label_of(path: str) -> str | None:
    """Return the label of a root that a path is written below; None: it is a path in full."""
    found = _LABELLED.match(path)
    return None if found is None else found[1]


def is_hashed(path: str) -> bool:
    """Whether this is no path, but what is left of one that is not kept."""
    return path.startswith(HASHED_MARK)


def hash_of(text: str) -> str | None:
    """Return the digits of a hash, as it is stored or shown; None: it is something else."""
    found = _HASHED.fullmatch(text)
    return None if found is None else found[1]
