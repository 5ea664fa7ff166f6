"""Hashes of paths, made with the same key as hashes of PatientIDs.

The printed hash of a path and its stored hash are the same.
"""

from __future__ import annotations

import hashlib
import os

from scheduler.errors import KeyUnusable
from scheduler.keys import key_in_use, key_of
from scheduler.settings import Settings

_HASH_BYTES = 16


class PathHash:
    """Converts a path into 32 hex digits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: bytes | None = None

    def __call__(self, path: str) -> str:
        """Return the hash of a full path. Raises KeyUnusable."""
        # Read the key only when needed: not every user who may read paths may read the key.
        if self._key is None:
            self._key = _patients_key(self._settings)
        return hashlib.blake2b(
            os.fsencode(path), key=self._key, digest_size=_HASH_BYTES, person=b"thoraq-path"
        ).hexdigest()


def _patients_key(settings: Settings) -> bytes:
    """Return the key; it is created only if the database is in this state folder.

    With a database elsewhere a new key would differ from the workers', and `thoraq forget` would
    find nothing with it. Raises KeyUnusable.
    """
    take = key_of if settings.database_url is None else key_in_use
    try:
        return take(settings.patient_key, settings.state / "patient.key")
    except KeyUnusable as exc:
        raise KeyUnusable(
            "paths are hashed (THORAQ_SHOW_PATHS, THORAQ_STORE_PATHS) with the patient key, which"
            " only thoraq's user may read: run the command as that user, or add the file's folder"
            f" to THORAQ_ROOTS and set THORAQ_SHOW_PATHS=relative. {exc}"
        ) from exc
