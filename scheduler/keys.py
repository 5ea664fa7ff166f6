"""Keys in files of the state folder, each made where there is none."""

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
        with path.open("rb") as file:
            _close(file, path)
            key = file.read()
    except OSError as exc:
        raise KeyUnusable(f"{path}: {KeyUnusable.__doc__}") from exc
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"{path} holds no key; restore it, or what was made with it is lost")
    return key


def _close(file: IO[bytes], path: Path) -> None:
    """Take a key from those who may read it besides us. Raises KeyUnusable where it is not ours."""
    found = os.fstat(file.fileno())
    if not found.st_mode & _OTHERS_READ:
        return
    if found.st_uid != os.geteuid():
        raise KeyUnusable(f"{path} can be read by others; its owner has to `chmod 600` it")
    os.fchmod(file.fileno(), 0o600)
    _log.warning("a key could be read by others and is closed now", key=path.name)
