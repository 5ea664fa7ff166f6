"""Keys in files of the state folder, each made where there is none."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from scheduler.errors import KeyUnusable

_KEY_BYTES = 32


def key_of(secret: SecretStr | None, path: Path) -> bytes:
    """Return the key that a setting gives, else the one in a file. Raises KeyUnusable."""
    if secret is not None:
        return hashlib.sha256(secret.get_secret_value().encode()).digest()
    return _key_file(path)


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
        raise KeyUnusable(f"{path} holds no key; restore it, or what was made with it is lost")
    return key
