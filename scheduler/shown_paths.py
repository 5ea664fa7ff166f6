"""File paths as they are printed and exported: in full, below their root, or hashed.

Folder names of an archive may hold patients' numbers. The database keeps paths in full: workers
read by them.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from scheduler.choices import PathForm
from scheduler.keys import key_of
from scheduler.settings import Settings

_HASH_BYTES = 16


class ShownPaths:
    """Turns a path into what others may see of it."""

    def __init__(self, form: PathForm, roots: tuple[Path, ...], key: bytes | None) -> None:
        self._form = form
        self._roots = roots
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> ShownPaths:
        """Take form, roots and the patients' key from the settings. Raises KeyUnusable."""
        form = settings.show_paths
        if form is PathForm.FULL:
            return cls(form, (), None)
        key = key_of(settings.patient_key, settings.state / "patient.key")
        return cls(form, settings.allowed_roots, key)

    def shown(self, path: str) -> str:
        """Return the path in its form; a path in no root is hashed rather than shown."""
        if self._key is None:
            return path
        if self._form is PathForm.RELATIVE:
            for number, root in enumerate(self._roots, start=1):
                if Path(path).is_relative_to(root):
                    below = str(Path(path).relative_to(root))
                    return below if len(self._roots) == 1 else f"{number}:{below}"
        return hashlib.blake2b(
            os.fsencode(path), key=self._key, digest_size=_HASH_BYTES, person=b"thoraq-path"
        ).hexdigest()
