"""File paths as printed and exported: full, relative to their root, or hashed.

Folder names of an archive may contain patient numbers.
"""

from __future__ import annotations

from pathlib import Path

from db.archive import hash_of, label_of
from scheduler.archive import archive_of
from scheduler.choices import PathForm, StoredPaths
from scheduler.path_hash import PathHash
from scheduler.roots import roots_of
from scheduler.settings import Settings

#: Digits of a hash on a picture: enough to be unique among a million files.
_SHORT_DIGITS = 12


class ShownPaths:
    """Converts paths into their shown form."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._form = settings.show_paths or PathForm(settings.store_paths)
        roots = () if self._form is PathForm.FULL else roots_of(settings.roots)
        self._roots = [(root.name, root.folder.resolve()) for root in roots]
        # If paths are stored relative to roots, they are shown as stored.
        stored_so = settings.store_paths is StoredPaths.RELATIVE
        self._archive = archive_of(settings) if stored_so else None
        self._hashed = PathHash(settings)

    def shown(self, path: str) -> str:
        """Return the path in its shown form; a path outside of all roots is hashed.

        A path stored as a hash is always shown as that hash. Raises KeyUnusable.
        """
        if (stored := hash_of(path)) is not None:
            return stored
        if self._form is PathForm.FULL:
            return path
        return self._below(path) or self._hashed(path)

    def name(self, path: str) -> str:
        """Return the path's name on a picture: the file name, or the beginning of its hash.

        Raises KeyUnusable.
        """
        if hash_of(path) is None and (self._form is PathForm.FULL or self._below(path)):
            return Path(path).name
        return self.shown(path)[:_SHORT_DIGITS]

    def _below(self, path: str) -> str | None:
        """Return the path below its root; None if it is outside of all roots or must be hashed."""
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
