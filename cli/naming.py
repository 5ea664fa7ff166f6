"""What a batch is called when nobody names it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path


def batch_name(paths: Sequence[Path]) -> str:
    """Return a readable, stable name: the first folder's, and a digest of all absolute paths.

    The same command gives the same name, so that it goes on with its batch.
    """
    resolved = sorted(os.fsencode(path.resolve()) for path in paths)
    first = os.fsdecode(Path(os.fsdecode(resolved[0])).name) or "root"
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", first).strip("-.")[:40] or "batch"
    digest = hashlib.sha256(b"\0".join(resolved)).hexdigest()
    return f"{readable}-{digest[:8]}"
