"""Roots: the folders that files may be read from, where the settings name any."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.errors import PlaceForbidden, PlaceMissing


def check_places(paths: Sequence[Path]) -> Sequence[Path]:
    """Refuse a path that is not there before anything is done. Raises PlaceMissing."""
    for path in paths:
        if not path.exists():
            raise PlaceMissing.about(path)
    return paths


_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that files may be read from."""

    folder: Path
    name: str | None = None  # where the settings give one

    @property
    def label(self) -> str | None:
        """What stored paths call it: its name, else that of the folder; None: neither fits."""
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


def check_allowed(place: Path, roots: Collection[Path]) -> Path:
    """Check that ``place``, its links resolved, is below one of ``roots``, if there are any.

    Returns the resolved path, which is to be opened without following links: what was checked is
    then what is read. Raises PlaceForbidden.
    """
    real = allowed_path(place, roots)
    if real is None:
        raise PlaceForbidden.about(place)
    return real


def allowed_path(place: Path, roots: Collection[Path]) -> Path | None:
    """Return ``place``, its links resolved; None where it may not be read.

    ``roots``: resolved; an empty collection means everywhere. Raises ValueError for a NUL.
    """
    real = Path(os.path.realpath(place))
    allowed = not roots or any(real.is_relative_to(root) for root in roots)
    return real if allowed else None
