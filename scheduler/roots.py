"""Roots: the folders from which files may be read, if the settings limit them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.errors import PlaceForbidden, PlaceMissing


def check_places(paths: Sequence[Path]) -> Sequence[Path]:
    """Refuse paths that do not exist, before any work. Raises PlaceMissing."""
    for path in paths:
        if not path.exists():
            raise PlaceMissing.about(path)
    return paths


_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder from which files may be read."""

    folder: Path
    name: str | None = None  # the label from the settings

    @property
    def label(self) -> str | None:
        """Label in stored paths: its name, else the folder's; None: neither is valid."""
        label = self.name or self.folder.name
        return label if _LABEL.fullmatch(label) else None


def roots_of(text: str | None) -> tuple[Root, ...]:
    """Read ``/FOLDER`` and ``LABEL=/FOLDER``, separated by colons."""
    return tuple(_root(each) for each in (text or "").split(":") if each)


def _root(text: str) -> Root:
    name, sign, folder = text.partition("=/")
    if sign and _LABEL.fullmatch(name):
        return Root(Path(f"/{folder}"), name)
    return Root(Path(text))


def check_allowed(path: Path, roots: Collection[Path]) -> Path:
    """Return ``path`` with its links resolved, if it is below one of ``roots`` or there are none.

    Open the result without following links, so that what was checked is what is read. Raises
    PlaceForbidden.
    """
    real = allowed_path(path, roots)
    if real is None:
        raise PlaceForbidden.about(path)
    return real


def allowed_path(path: Path, roots: Collection[Path]) -> Path | None:
    """Return ``path`` with its links resolved; None if it may not be read.

    ``roots``: resolved; empty means everywhere. Raises ValueError for a NUL.
    """
    real = Path(os.path.realpath(path))
    allowed = not roots or any(real.is_relative_to(root) for root in roots)
    return real if allowed else None
