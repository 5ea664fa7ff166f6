"""Keys in files of the state folder, each created when it is first needed to store data."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import IO

import structlog
from pydantic import SecretStr

from scheduler.errors import KeyUnusable

_log = structlog.stdlib.get_logger(__name__)

_KEY_BYTES = 32
_OTHERS_READ = 0o077


def key_of(secret: SecretStr | None, path: Path) -> bytes:
    """Return the key from a setting, else from a file, created if missing. Raises KeyUnusable."""
    return _key_file(path) if secret is None else _given(secret)


def key_in_use(secret: SecretStr | None, path: Path) -> bytes:
    """Return the same key for looking up stored data; no key is created.

    A new key would find nothing, as if nothing were stored. Raises KeyUnusable.
    """
    if secret is not None:
        return _given(secret)
    try:
        return _read(path)
    except FileNotFoundError as exc:
        raise KeyUnusable(
            f"{path} does not exist, so stored data cannot be looked up: name the workers' state"
            " folder (--state or THORAQ_STATE), or set THORAQ_PATIENT_KEY to their key"
        ) from exc
    except OSError as exc:
        raise _unusable(path) from exc


def _given(secret: SecretStr) -> bytes:
    return hashlib.sha256(secret.get_secret_value().encode()).digest()


def _key_file(path: Path) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Write it under another name first: two processes may start at once, and the first
            # link wins.
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
        return _read(path)
    except OSError as exc:
        raise _unusable(path) from exc


def _read(path: Path) -> bytes:
    """Return the key in a file. Raises OSError, KeyUnusable."""
    with path.open("rb") as file:
        _close(file, path)
        key = file.read()
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"{path} is not a key; restore it, or the data stored with it is lost")
    return key


def _unusable(path: Path) -> KeyUnusable:
    return KeyUnusable.about(path)


def _close(file: IO[bytes], path: Path) -> None:
    """Make a key readable by its owner only. Raises KeyUnusable if another user owns it."""
    found = os.fstat(file.fileno())
    if not found.st_mode & _OTHERS_READ:
        return
    if found.st_uid != os.geteuid():
        raise KeyUnusable(f"{path} is readable by others; its owner has to `chmod 600` it")
    os.fchmod(file.fileno(), 0o600)
    _log.warning("a key was readable by others; permissions corrected", key=path.name)
