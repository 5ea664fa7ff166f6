"""What things are called: batches nobody named, networks of ours, studies as they are stored."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from db.records import ResultFilter

#: Every network thoraq ships is called so; those of others are not.
SHIPPED = re.compile(r"thoraq-\d+")

#: Bytes of a batch's name; every database keeps it in an index.
MOST_NAME_BYTES = 200


def is_shipped_name(version: str) -> bool:
    """Say whether a network's version is one that thoraq ships or shipped."""
    return SHIPPED.fullmatch(version) is not None


def readable(text: str) -> str:
    """Return the text as a part of a name: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:40]


def batch_name(paths: Sequence[Path], model: str | None = None) -> str:
    """Return a readable, stable name: the first folder's, and a digest of all absolute paths.

    The same command gives the same name, so that it goes on with its batch. A network that was
    asked for has a batch of its own, since a batch looks at each file once.
    """
    resolved = sorted(os.fsencode(path.resolve()) for path in paths)
    first = os.fsdecode(Path(os.fsdecode(resolved[0])).name) or "root"
    digest = hashlib.sha256(b"\0".join(resolved)).hexdigest()
    name = f"{readable(first) or 'batch'}-{digest[:8]}"
    return name if model is None else f"{name}-{readable(model) or 'model'}"


def remeasured_name(model: str, wanted: ResultFilter) -> str:
    """Return the name of a batch measured again: the same network and filters give the same."""
    digest = hashlib.sha256(repr(wanted).encode()).hexdigest()
    return f"remeasured-{readable(model) or 'model'}-{digest[:8]}"


def check_batch_name(name: str) -> str:
    """Return a name that a new batch may have. Raises ValueError."""
    if name != name.strip() or not name:
        raise ValueError("a batch's name is not empty and has no space at its ends")
    if name.startswith("-"):
        raise ValueError(f"{name!r} begins with a dash, as options do")
    if len(os.fsencode(name)) > MOST_NAME_BYTES:
        raise ValueError(f"a batch's name has at most {MOST_NAME_BYTES} bytes")
    return name


def named_study(study: str) -> str:
    """Return a study's name as the database knows it: a path is made absolute.

    So is the path of a file that is no longer in its folder: a watch may have moved it.
    """
    path = Path(study)
    known = path.exists() or ("/" in study and path.parent.exists())
    return str(path.resolve()) if known else study


def named_path(path: str) -> str:
    """Return a path as the database knows it; a part of one stays as it is."""
    return named_study(path) if "/" in path and not path.endswith("/") else path
