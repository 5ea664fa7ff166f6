"""File paths as they are printed and exported: in full, below their root, or hashed.

Folder names of an archive may hold patients' numbers.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from db.archive import Archive, label_of
from scheduler.archive import archive_of
from scheduler.choices import PathForm, StoredPaths
from scheduler.keys import key_of
from scheduler.roots import Root, roots_of
from scheduler.settings import Settings

_HASH_BYTES = 16
#: Digits of a hash that a picture has room for; among a million files no two begin alike.
_SHORT_DIGITS = 12


class ShownPaths:
    """Turns a path into what others may see of it."""

    def __init__(
        self, form: PathForm, roots: tuple[Root, ...], key: bytes | None, archive: Archive | None
    ) -> None:
        """``archive``: where paths are stored relative to its roots, and so asked for."""
        self._form = form
        self._roots = [(root.name, root.folder.resolve()) for root in roots]
        self._key = key
        self._archive = archive

    @classmethod
    def of(cls, settings: Settings) -> ShownPaths:
        """Take form, roots and the patients' key from the settings.

        Raises KeyUnusable, WrongSetting.
        """
        form = settings.show_paths or PathForm(settings.store_paths)
        if form is PathForm.FULL:
            return cls(form, (), None, None)
        key = key_of(settings.patient_key, settings.state / "patient.key")
        stored_so = settings.store_paths is StoredPaths.RELATIVE
        archive = archive_of(settings) if stored_so else None
        return cls(form, roots_of(settings.roots), key, archive)

    def shown(self, path: str) -> str:
        """Return the path in its form; a path in no root is hashed rather than shown."""
        if self._key is None:
            return path
        return self._below(path) or self._hash(self._key, path)

    def name(self, path: str) -> str:
        """Return what a picture shows of it: the file's name, or how its hash begins."""
        if self._key is None or self._below(path):
            return Path(path).name
        return self._hash(self._key, path)[:_SHORT_DIGITS]

    @staticmethod
    def _hash(key: bytes, path: str) -> str:
        return hashlib.blake2b(
            os.fsencode(path), key=key, digest_size=_HASH_BYTES, person=b"thoraq-path"
        ).hexdigest()

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
