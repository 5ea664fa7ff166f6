"""Hashes of paths, with the key that patients' numbers are hashed with.

What is printed of a path and what is stored once its work has ended are the same text.
"""

from __future__ import annotations

import hashlib
import os

from scheduler.errors import KeyUnusable
from scheduler.keys import key_in_use, key_of
from scheduler.settings import Settings

_HASH_BYTES = 16


class PathHash:
    """Turns a path into 32 hex digits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: bytes | None = None

    def __call__(self, path: str) -> str:
        """Return the hash of a path in full. Raises KeyUnusable."""
        # Not before it is needed: of those who may read paths, few may read the key.
        if self._key is None:
            self._key = _patients_key(self._settings)
        return hashlib.blake2b(
            os.fsencode(path), key=self._key, digest_size=_HASH_BYTES, person=b"thoraq-path"
        ).hexdigest()


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
            "a path is hashed (THORAQ_SHOW_PATHS, THORAQ_STORE_PATHS) with the patients' key, which"
            " only thoraq's user may read: run this as that user, or name the folder it is in among"
            f" THORAQ_ROOTS and set THORAQ_SHOW_PATHS=relative. {exc}"
        ) from exc
