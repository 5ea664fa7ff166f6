"""Stored paths: absolute, relative to a labelled root of the archive, or hashed.

``LABEL:/rest`` is a file below the root of that label, wherever a machine has mounted it. An
absolute path begins with a slash, and a hash, ``#DIGITS``, with a character that begins no label:
the three forms are never confused, and a database may contain all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property

_LABELLED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):/")
#: First character of a hashed path in the database.
HASHED_MARK = "#"
#: A hashed path, as stored or as shown.
_HASHED = re.compile(f"(?:{HASHED_MARK})?([0-9a-f]{{32}})")


class Archive:
    """The labelled roots as mounted on this machine, and the form in which it stores paths."""

    def __init__(
        self,
        roots: Mapping[str, str] | None = None,
        *,
        relative: bool = False,
        hashing: Callable[[str], str] | None = None,
    ) -> None:
        """``roots``: absolute folders by label.

        ``hashing``: returns the 32 hex digits that replace a path which is no longer needed;
        None: paths are kept.
        """
        self._named = dict(roots or {})
        self._relative = relative
        self._hashing = hashing

    @property
    def hashes(self) -> bool:
        """Return whether paths are replaced by hashes after processing."""
        return self._hashing is not None

    def hashed(self, path: str) -> str:
        """Return what is stored for the file at ``path`` after processing.

        Raises ValueError: paths are kept.
        """
        if is_hashed(path):
            return path
        if self._hashing is None:
            raise ValueError("paths are kept")
        return HASHED_MARK + self._hashing(self.here(path))

    @cached_property
    def _folders(self) -> dict[str, str]:
        """Return the resolved folders by label, the deepest first, without a trailing slash."""
        # Resolved on first use: a command that reads no path does not wait for a network share.
        real = {label: os.path.realpath(each).rstrip("/") for label, each in self._named.items()}
        return dict(sorted(real.items(), key=lambda each: (-len(each[1]), each[0])))

    def spellings(self, path: str) -> list[str]:
        """Return every form in which the file at ``path`` may be stored, the preferred first."""
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
        """Return the form that is stored until processing ends; outside all roots: absolute."""
        return self.spellings(path)[0] if self._relative else path

    def here(self, stored: str) -> str:
        """Return the file's path on this machine; an unknown label is left as it is."""
        label = label_of(stored)
        if label is None or label not in self._folders:
            return stored
        return self._folders[label] + stored.removeprefix(f"{label}:")

    def is_usual(self, stored: str) -> bool:
        """Return whether this machine would store the path in this form."""
        if is_hashed(stored):
            return self.hashes
        whole = self.here(stored)
        return label_of(whole) is None and self.stored(whole) == stored


def label_of(path: str) -> str | None:
    """Return the label of a stored path's root; None: the path is absolute."""
    found = _LABELLED.match(path)
    return None if found is None else found[1]


def is_hashed(path: str) -> bool:
    """Return whether this is a hash that replaced a path."""
    return path.startswith(HASHED_MARK)


def hash_of(text: str) -> str | None:
    """Return the digits of a hashed path, as stored or as shown; None: it is something else."""
    found = _HASHED.fullmatch(text)
    return None if found is None else found[1]
