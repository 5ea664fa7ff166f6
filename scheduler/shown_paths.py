"""File paths as they are printed and exported: in full, below their root, or hashed.

Folder names of an archive may hold patients' numbers.
"""

from __future__ import annotations

from pathlib import Path

from db.archive import hash_of, label_of
from scheduler.archive import archive_of
from scheduler.choices import PathForm, StoredPaths
from scheduler.path_hash import PathHash
from scheduler.roots import roots_of
from scheduler.settings import Settings

#: Digits of a hash that a picture has room for; among a million files no two begin alike.
_SHORT_DIGITS = 12


class ShownPaths:
    """Turns a path into what others may see of it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._form = settings.show_paths or PathForm(settings.store_paths)
        roots = () if self._form is PathForm.FULL else roots_of(settings.roots)
        self._roots = [(root.name, root.folder.resolve()) for root in roots]
        # Where paths are stored relative to roots, they are asked for as they are stored.
        stored_so = settings.store_paths is StoredPaths.RELATIVE
        self._archive = archive_of(settings) if stored_so else None
        self._hashed = PathHash(settings)

    def shown(self, path: str) -> str:
        """Return the path in its form; a path in no root is hashed rather than shown.

        Of a path that is not kept it is the hash in any form. Raises KeyUnusable.
        """
        if (stored := hash_of(path)) is not None:
            return stored
        if self._form is PathForm.FULL:
            return path
        return self._below(path) or self._hashed(path)

    def name(self, path: str) -> str:
        """Return what a picture shows of it: the file's name, or how its hash begins.

        Raises KeyUnusable.
        """
        if hash_of(path) is None and (self._form is PathForm.FULL or self._below(path)):
            return Path(path).name
        return self.shown(path)[:_SHORT_DIGITS]

    def _below(self, path: str) -> str | None:
        """Return the path below its root; None where it is in none, or is not to be shown."""
        if self._form is not PathForm.RELATIVE:
            return None
        if self._archive is not None:
            stored = self._archive.stored(path)
            return None if label_of(stored) is None else stored
        for number, (name, root) in enumerate(self._roots, start=1):
            if Path(path).is_relative_to(root):
                below = str(Path(path).relative_to(root))
                return below if len(self._roots) == 1 else f"{name or number}:{below}"
        return None
