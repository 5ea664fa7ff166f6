"""Converted networks kept on disk, so that a start needs neither torch nor the conversion.

A conversion is in ``FOLDER/WEIGHTS-OWNER/FORM-SOURCES``: SOURCES is a digest of everything it was
made from, OWNER one of the key it is sealed with, so that machines of different keys that share a
folder leave each other's alone. What its seal does not fit was not written by one who has the key:
it is made anew.
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


def kept_parts(card: ModelCard, form: Form, folder: Path, key: bytes) -> Parts:
    """Return a converted network out of ``folder``; where it is not there it is put there first.

    ``key``: what it is sealed with. Raises RuntimeUnavailable, OSError where the folder cannot be
    written.
    """
    place = place_of(card, form, folder, key)
    files = _sealed(place, key)
    if files is None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(place.parent / ".lock"):
            files = _sealed(place, key)
            if files is None:
                if place.exists():
                    _log.warning(
                        "the converted network was changed; it is converted anew",
                        version=card.version,
                    )
                else:
                    _log.info("converting the network for this CPU", version=card.version)
                files = _converted(card, form)
                _keep(files, form, place, key)
    return read_parts(files)


def place_of(card: ModelCard, form: Form, folder: Path, key: bytes) -> Path:
    """Say where a conversion is: a name of all that it is made from, and of its key."""
    of = {
        "weights": card.weights_digest,
        "ranges": None if card.ranges is None else sorted(card.ranges.items()),
        "libraries": [version(name) for name in ("openvino", "torch", "torchvision", "numpy")],
        "code": [(each.name, file_digest(each)) for each in sorted(_CODE.glob("*.py"))],
    }
    sources = hashlib.sha256(json.dumps(of).encode()).hexdigest()
    owner = hmac.digest(key, b"owner", "sha256").hex()
    weights = f"{card.weights_digest[:_SHORT]}-{owner[:_SHORT]}"
    return folder / weights / f"{form}-{sources[:_SHORT]}"


def _sealed(place: Path, key: bytes) -> dict[str, bytes] | None:
    """Return the files of a conversion, each read once; None where they are not what was sealed."""
    try:
        said = json.loads((place / _SEAL).read_bytes())
        files = {name: (place / name).read_bytes() for name in PART_FILES}
        sound = hmac.compare_digest(str(said["seal"]), _seal(files, place, key))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return files if sound else None


def _seal(files: Mapping[str, bytes], place: Path, key: bytes) -> str:
    """Return what only a holder of the key can write; it holds for this one place."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    said = json.dumps([place.parent.name, place.name, digests])
    return hmac.digest(key, said.encode(), "sha256").hex()


def _converted(card: ModelCard, form: Form) -> dict[str, bytes]:
    """Convert a network by a process of its own. Raises RuntimeUnavailable, OSError."""
    # Not in the folder: others may write there, and what they put there would be sealed.
    with tempfile.TemporaryDirectory(prefix="thoraq-conversion-") as out:
        _convert(card, form, Path(out))
        return {name: (Path(out) / name).read_bytes() for name in PART_FILES}


def _keep(files: Mapping[str, bytes], form: Form, place: Path, key: bytes) -> None:
    """Write a conversion, whole or not at all. Raises OSError."""
    for old in place.parent.glob(f"{_PARTIAL}*"):  # of somebody who was killed
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        dir=place.parent, prefix=_PARTIAL, ignore_cleanup_errors=True
    ) as partial:
        seal = json.dumps({"seal": _seal(files, place, key)}).encode()
        for name, content in {**files, _SEAL: seal}.items():
            with (Path(partial) / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        # A damaged one, or one of code that is no more; whoever reads it keeps what it has read.
        for old in place.parent.glob(f"{form}-{'?' * _SHORT}"):
            shutil.rmtree(old, ignore_errors=True)
        Path(partial).rename(place)


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
    """Wait for others that convert on this machine: each would take a gigabyte for the same."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
