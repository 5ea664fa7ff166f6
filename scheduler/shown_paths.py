"""File paths as they are printed and exported: in full, below their root, or hashed.

Folder names of an archive may hold patients' numbers.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from db.archive import label_of
from scheduler.archive import archive_of
from scheduler.choices import PathForm, StoredPaths
from scheduler.errors import KeyUnusable
from scheduler.keys import key_in_use, key_of
from scheduler.roots import roots_of
from scheduler.settings import Settings

_HASH_BYTES = 16
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
        self._key: bytes | None = None

    def shown(self, path: str) -> str:
        """Return the path in its form; a path in no root is hashed rather than shown.

        Raises KeyUnusable.
        """
        if self._form is PathForm.FULL:
            return path
        return self._below(path) or self._hashed(path)

    def name(self, path: str) -> str:
        """Return what a picture shows of it: the file's name, or how its hash begins.

        Raises KeyUnusable.
        """
        if self._form is PathForm.FULL or self._below(path):
            return Path(path).name
        return self._hashed(path)[:_SHORT_DIGITS]

    def _hashed(self, path: str) -> str:
        # Not before it is needed: of those who may read paths, few may read the key.
        if self._key is None:
            self._key = _patients_key(self._settings)
        return hashlib.blake2b(
            os.fsencode(path), key=self._key, digest_size=_HASH_BYTES, person=b"thoraq-path"
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


def _patients_key(settings: Settings) -> bytes:
    """Return the key; it is made only beside a database of this state folder.

    Whoever asks a database from elsewhere would make one that `thoraq forget` then finds nothing
    with. Raises KeyUnusable.
    """
    take = key_of if settings.database_url is None else key_in_use
    try:
        return take(settings.patient_key, settings.state / "patient.key")
    except KeyUnusable as exc:
        raise KeyUnusable(
            "a path is hashed (THORAQ_SHOW_PATHS) with the patients' key, which only thoraq's user"
            " may read: run this as that user, or name the folder it is in among THORAQ_ROOTS and"
            f" set THORAQ_SHOW_PATHS=relative. {exc}"
        ) from exc
