"""Patient and accession numbers as they are stored: hashed with a key that stays here.

The same number always has the same hash, so one patient stays queryable over time, and whoever
has the database without the key cannot try numbers out.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from scheduler.errors import KeyUnusable
from scheduler.settings import Settings

_KEY_BYTES = 32
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
        if settings.patient_key is not None:
            secret = settings.patient_key.get_secret_value().encode()
            return cls(hashlib.sha256(secret).digest())
        return cls(_key_file(settings.state / "patient.key"))

    def stored(self, value: str | None) -> str | None:
        """Return what is stored for a number; the number itself where the settings say so."""
        if value is None or self._key is None:
            return value
        return hashlib.blake2b(
            value.strip().encode("utf-8", "surrogateescape"),
            key=self._key,
            digest_size=_HASH_BYTES,
            person=b"thoraq-number",
        ).hexdigest()


def _key_file(path: Path) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Written whole under another name first: two processes may start at once, and the
            # first link wins.
            draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = path.read_bytes()
    except OSError as exc:
        raise KeyUnusable(f"{path}: {KeyUnusable.__doc__}") from exc
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"{path} holds no key; restore it, or numbers get new hashes")
    return key
