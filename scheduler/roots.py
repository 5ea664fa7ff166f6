"""Roots: the folders that files may be read from, where the settings name any."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from scheduler.errors import PlaceForbidden


def check_allowed(place: Path, roots: Collection[Path]) -> None:
    """Check that ``place``, its links resolved, lies below one of ``roots``, if there are any.

    Raises PlaceForbidden.
    """
    if not is_allowed(place, roots):
        raise PlaceForbidden(f"{place}: {PlaceForbidden.__doc__}")


def is_allowed(place: Path, roots: Collection[Path]) -> bool:
    """Whether ``place`` may be read. ``roots``: resolved; none means everywhere."""
    real = place.resolve()
    return not roots or any(real.is_relative_to(root) for root in roots)
