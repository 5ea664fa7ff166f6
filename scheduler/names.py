"""Names: of batches without one, of shipped networks, and of studies and paths as stored."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from db.records import ResultFilter

#: Names reserved for shipped networks.
SHIPPED = re.compile(r"thoraq-\d+")

#: Longest batch name in bytes; databases index it.
MOST_NAME_BYTES = 200


def is_shipped_name(version: str) -> bool:
    """Whether a network's version is reserved for shipped networks."""
    return SHIPPED.fullmatch(version) is not None


def readable(text: str) -> str:
    """Return the text as part of a name: letters, digits, dots, dashes and underscores only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:40]


def batch_name(paths: Sequence[Path], model: str | None = None) -> str:
    """Return a readable, stable name: the first folder's, and a digest of all absolute paths.

    The same command gives the same name, so that it continues its batch. With ``model`` the name
    differs, since a batch measures each file once.
    """
    resolved = sorted(os.fsencode(path.resolve()) for path in paths)
    first = os.fsdecode(Path(os.fsdecode(resolved[0])).name) or "root"
    digest = hashlib.sha256(b"\0".join(resolved)).hexdigest()
    name = f"{readable(first) or 'batch'}-{digest[:8]}"
    return name if model is None else f"{name}-{readable(model) or 'model'}"


def remeasured_name(model: str, wanted: ResultFilter) -> str:
    """Return a name derived from the network and the filters."""
    digest = hashlib.sha256(repr(wanted).encode()).hexdigest()
    return f"remeasured-{readable(model) or 'model'}-{digest[:8]}"


def check_batch_name(name: str) -> str:
    """Return ``name`` if it is valid for a new batch. Raises ValueError."""
    if name != name.strip() or not name:
        raise ValueError("a batch name must not be empty or begin or end with a space")
    if name.startswith("-"):
        raise ValueError(f"{name!r} begins with a dash, like an option")
    if len(os.fsencode(name)) > MOST_NAME_BYTES:
        raise ValueError(f"a batch name has at most {MOST_NAME_BYTES} bytes")
    return name


def named_study(study: str) -> str:
    """Return a study's name as stored in the database: paths are made absolute.

    This includes the path of a file that is no longer in its folder: a watch may have moved it.
    """
    path = Path(study)
    known = path.exists() or ("/" in study and path.parent.exists())
    return str(path.resolve()) if known else study


def named_path(path: str) -> str:
    """Return a path as stored in the database; a part of a path is returned unchanged."""
    return named_study(path) if "/" in path and not path.endswith("/") else path
