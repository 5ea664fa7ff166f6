"""Patient and accession numbers as stored: hashed with a key that stays in the state folder.

The same number always has the same hash, so a patient can be found over time, but without the key
numbers cannot be tried against the database.
"""

from __future__ import annotations

import hashlib

from scheduler.keys import key_in_use, key_of
from scheduler.settings import Settings

_HASH_BYTES = 16


class Pseudonyms:
    """Converts a number into its stored form."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Pseudonyms:
        """Return pseudonyms for storing; the key of the state folder is created if missing.

        Raises KeyUnusable.
        """
        if settings.store_patient_ids:
            return cls(None)
        return cls(key_of(settings.patient_key, settings.state / "patient.key"))

    @classmethod
    def in_use(cls, settings: Settings) -> Pseudonyms:
        """Return pseudonyms for looking numbers up; no key is created. Raises KeyUnusable."""
        if settings.store_patient_ids:
            return cls(None)
        return cls(key_in_use(settings.patient_key, settings.state / "patient.key"))

    @classmethod
    def forms(cls, settings: Settings, value: str) -> tuple[str, ...]:
        """Return every form in which a number may be stored: plain, and hashed with today's key.

        No key is created. Raises KeyUnusable.
        """
        file = settings.state / "patient.key"
        plain = (value, value.strip())
        if settings.store_patient_ids and settings.patient_key is None and not file.exists():
            return plain
        return (*plain, cls(key_in_use(settings.patient_key, file)).hashed(value))

    def stored(self, value: str | None) -> str | None:
        """Return the stored form of a number; the number itself if the settings say so."""
        if value is None or self._key is None:
            return value
        return self.hashed(value)

    def hashed(self, value: str) -> str:
        """Return the hash of a number. Raises ValueError if there is no key."""
        if self._key is None:
            raise ValueError("numbers are stored unhashed")
        return hashlib.blake2b(
            value.strip().encode("utf-8", "surrogateescape"),
            key=self._key,
            digest_size=_HASH_BYTES,
            person=b"thoraq-number",
        ).hexdigest()
