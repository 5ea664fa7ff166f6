"""Converted networks cached on disk, so that a start needs neither torch nor a conversion.

A conversion is in ``FOLDER/WEIGHTS-OWNER/FORM-SOURCES``: SOURCES is a digest of everything the
conversion depends on, OWNER a digest of the key, so that machines with different keys can share a
folder. Each conversion is authenticated with an HMAC, its seal; one whose seal does not match is
converted again.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import structlog

from network.card import ModelCard, file_digest
from network.errors import RuntimeUnavailable
from network.openvino_runtime import PART_FILES, Form, Parts, read_parts

_log = structlog.stdlib.get_logger(__name__)

_CODE = Path(__file__).parent
_SEAL = "digests.json"
_CONVERSION_SECONDS = 600.0
_SHORT = 16
_PARTIAL = ".partial-"


def cached_parts(card: ModelCard, form: Form, folder: Path, key: bytes) -> Parts:
    """Return a converted network from ``folder``, converting it first if absent.

    ``key``: the HMAC key. Raises RuntimeUnavailable, and OSError if the folder is not writable.
    """
    target = conversion_folder(card, form, folder, key)
    files = _read_verified(target, key)
    if files is None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(target.parent / ".lock"):
            files = _read_verified(target, key)
            if files is None:
                if target.exists():
                    _log.warning(
                        "the converted network was changed; converting it again",
                        version=card.version,
                    )
                else:
                    _log.info("converting the network for this CPU", version=card.version)
                files = _converted(card, form)
                _store(files, form, target, key)
    return read_parts(files)


def conversion_folder(card: ModelCard, form: Form, folder: Path, key: bytes) -> Path:
    """Return the folder of a conversion, named by everything it depends on and by the key."""
    sources = {
        "weights": card.weights_digest,
        "ranges": None if card.ranges is None else sorted(card.ranges.items()),
        "libraries": [version(name) for name in ("openvino", "torch", "torchvision", "numpy")],
        "code": [(each.name, file_digest(each)) for each in sorted(_CODE.glob("*.py"))],
    }
    digest = hashlib.sha256(json.dumps(sources).encode()).hexdigest()
    owner = hmac.digest(key, b"owner", "sha256").hex()
    weights = f"{card.weights_digest[:_SHORT]}-{owner[:_SHORT]}"
    return folder / weights / f"{form}-{digest[:_SHORT]}"


def _read_verified(target: Path, key: bytes) -> dict[str, bytes] | None:
    """Return the files of a conversion, each read once; None if absent or the seal differs."""
    try:
        stored = json.loads((target / _SEAL).read_bytes())
        files = {name: (target / name).read_bytes() for name in PART_FILES}
        valid = hmac.compare_digest(str(stored["seal"]), _seal(files, target, key))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return files if valid else None


def _seal(files: Mapping[str, bytes], target: Path, key: bytes) -> str:
    """Return the HMAC of the files and of the path they are for."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    message = json.dumps([target.parent.name, target.name, digests])
    return hmac.digest(key, message.encode(), "sha256").hex()


def _converted(card: ModelCard, form: Form) -> dict[str, bytes]:
    """Convert a network in a separate process. Raises RuntimeUnavailable, OSError."""
    # Not in the cache: others may write there, and their files would be sealed.
    with tempfile.TemporaryDirectory(prefix="thoraq-conversion-") as out:
        _convert(card, form, Path(out))
        return {name: (Path(out) / name).read_bytes() for name in PART_FILES}


def _store(files: Mapping[str, bytes], form: Form, target: Path, key: bytes) -> None:
    """Write a conversion atomically. Raises OSError."""
    for old in target.parent.glob(f"{_PARTIAL}*"):  # left by a process that was killed
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix=_PARTIAL, ignore_cleanup_errors=True
    ) as partial:
        seal = json.dumps({"seal": _seal(files, target, key)}).encode()
        for name, content in {**files, _SEAL: seal}.items():
            with (Path(partial) / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        # Damaged, or of an older version. A process that has read it is not affected.
        for old in target.parent.glob(f"{form}-{'?' * _SHORT}"):
            shutil.rmtree(old, ignore_errors=True)
        Path(partial).rename(target)


def _convert(card: ModelCard, form: Form, out: Path) -> None:
    command = [sys.executable, "-m", "network.conversion", str(card.path), "--form", form]
    try:
        subprocess.run(
            [*command, "--out", str(out), "--digest", card.weights_digest],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_CONVERSION_SECONDS,
        )
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeUnavailable.because(last) from exc
    except subprocess.TimeoutExpired as exc:
        raise RuntimeUnavailable.about("openvino") from exc


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Let one process convert at a time: each takes a gigabyte for the same result."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
