"""Patient and accession numbers as they are stored: hashed with a key that stays here.

The same number always has the same hash, so one patient stays queryable over time, and whoever
has the database without the key cannot try numbers out.
"""

from __future__ import annotations

import hashlib

from scheduler.keys import key_in_use, key_of
from scheduler.settings import Settings

_HASH_BYTES = 16


class Pseudonyms:
    """Turns a number into what the database holds."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Pseudonyms:
        """Hash with the configured key, else with the state folder's, made where there is none.

        Raises KeyUnusable.
        """
        if settings.store_patient_ids:
            return cls(None)
        return cls(key_of(settings.patient_key, settings.state / "patient.key"))

    @classmethod
    def in_use(cls, settings: Settings) -> Pseudonyms:
        """Look numbers up that were stored; no key is made. Raises KeyUnusable."""
        if settings.store_patient_ids:
            return cls(None)
        return cls(key_in_use(settings.patient_key, settings.state / "patient.key"))

    @classmethod
    def forms(cls, settings: Settings, value: str) -> tuple[str, ...]:
        """Return every form a number may be stored in: as it is, and hashed by the key of today.

        No key is made. Raises KeyUnusable.
        """
        file = settings.state / "patient.key"
        plain = (value, value.strip())
        if settings.store_patient_ids and settings.patient_key is None and not file.exists():
            return plain
        return (*plain, cls(key_in_use(settings.patient_key, file)).hashed(value))

    def stored(self, value: str | None) -> str | None:
        """Return what is stored for a number; the number itself where the settings say so."""
        if value is None or self._key is None:
            return value
        return self.hashed(value)

    def hashed(self, value: str) -> str:
        """Return the hash of a number. Raises ValueError: there is no key."""
        if self._key is None:
            raise ValueError("numbers are stored as they are")
        return hashlib.blake2b(
            value.strip().encode("utf-8", "surrogateescape"),
            key=self._key,
            digest_size=_HASH_BYTES,
            person=b"thoraq-number",
        ).hexdigest()
