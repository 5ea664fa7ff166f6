"""Converted networks kept on disk, so that a start needs neither torch nor the conversion.

A conversion lies in ``FOLDER/WEIGHTS/FORM-KEY``; the key is of everything it was made from. Its
files are checked by their digests before use, and made anew where they are not what was written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import structlog

from network.card import ModelCard, file_digest
from network.errors import RuntimeUnavailable, WeightsMissing
from network.openvino_runtime import Form, Parts, read_parts

_log = structlog.stdlib.get_logger(__name__)

_CODE = Path(__file__).parent
_DIGESTS = "digests.json"
_CONVERSION_SECONDS = 600.0
_SHORT = 16
_PARTIAL = ".partial-"


def kept_parts(card: ModelCard, form: Form, folder: Path) -> Parts:
    """Return a converted network out of ``folder``; where it is not there it is put there first.

    Raises RuntimeUnavailable, OSError where the folder cannot be written.
    """
    place = place_of(card, form, folder)
    if not _sound(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(place.parent / ".lock"):
            if not _sound(place):
                _log.info("converting the network for this CPU", version=card.version)
                _keep(card, form, place)
    return read_parts(place)


def place_of(card: ModelCard, form: Form, folder: Path) -> Path:
    """Say where a conversion lies: a name of all that it is made from."""
    of = {
        "weights": card.weights_digest,
        "ranges": None if card.ranges is None else sorted(card.ranges.items()),
        "libraries": [version(name) for name in ("openvino", "torch", "torchvision", "numpy")],
        "code": [(each.name, file_digest(each)) for each in sorted(_CODE.glob("*.py"))],
    }
    key = hashlib.sha256(json.dumps(of).encode()).hexdigest()
    return folder / card.weights_digest[:_SHORT] / f"{form}-{key[:_SHORT]}"


def _sound(place: Path) -> bool:
    """Whether a conversion is there, as it was written."""
    try:
        digests = json.loads((place / _DIGESTS).read_bytes())
        return all(file_digest(place / name) == digest for name, digest in digests.items())
    except (OSError, ValueError, AttributeError, WeightsMissing):
        return False


def _keep(card: ModelCard, form: Form, place: Path) -> None:
    """Convert a network by a process of its own. Raises RuntimeUnavailable, OSError."""
    for old in place.parent.glob(f"{_PARTIAL}*"):  # of somebody who was killed
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        dir=place.parent, prefix=_PARTIAL, ignore_cleanup_errors=True
    ) as partial:
        _convert(card, form, Path(partial))
        digests = {}
        for each in sorted(Path(partial).iterdir()):
            digests[each.name] = file_digest(each)
            _sync(each)
        (Path(partial) / _DIGESTS).write_text(json.dumps(digests))
        _sync(Path(partial) / _DIGESTS)
        # A damaged one, or one of code that is no more; whoever reads it keeps what it has read.
        for old in place.parent.glob(f"{form}-{'?' * _SHORT}"):
            shutil.rmtree(old, ignore_errors=True)
        Path(partial).rename(place)


def _convert(card: ModelCard, form: Form, out: Path) -> None:
    command = [sys.executable, "-m", "network.conversion", str(card.path), "--form", form]
    try:
        subprocess.run(
            [*command, "--out", str(out)],
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_CONVERSION_SECONDS,
        )
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeUnavailable(f"{last}. {RuntimeUnavailable.__doc__}") from exc
    except subprocess.TimeoutExpired as exc:
        raise RuntimeUnavailable(f"openvino: {RuntimeUnavailable.__doc__}") from exc


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait for others that convert on this machine: each would take a gigabyte for the same."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
