"""A split of 70, 15 and 15 %, the same on every machine; duplicates stay together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from radiograph.errors import RadiographError
from radiograph.reading import ReadLimits, read

SEED = 42
#: Upper ends of train and val, as shares of the radiographs; the rest is test.
TRAIN_UNTIL, VAL_UNTIL = 0.70, 0.85


def assign_splits(radiographs: Sequence[tuple[str, Path]]) -> list[str]:
    """Split radiographs, each a category and its image, by category; return their splits in order.

    Radiographs with the same pixels stay together, whatever their names and categories. They are
    ordered by seeded digests, independent of row order and of random generators.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for i, (_, path) in enumerate(radiographs):
        groups[_content(path)].append(i)
    by_category: dict[str, list[str]] = defaultdict(list)
    for digest, members in groups.items():
        by_category[min(radiographs[i][0] for i in members)].append(digest)
    splits = [""] * len(radiographs)
    for digests in by_category.values():
        digests.sort(key=_seeded)
        total = sum(len(groups[digest]) for digest in digests)
        before = 0
        for digest in digests:
            members = groups[digest]
            # Assigned by its midpoint, so that small categories are in every split too.
            share = (before + len(members) / 2) / total
            before += len(members)
            for i in members:
                splits[i] = _split(share)
    return splits


def _split(share: float) -> str:
    if share < TRAIN_UNTIL:
        return "train"
    return "val" if share < VAL_UNTIL else "test"


def _seeded(digest: str) -> str:
    return hashlib.sha256(f"{SEED}:{digest}".encode()).hexdigest()


def _content(path: Path) -> str:
    """Return the digest of the pixels, or of the bytes if the file is not a radiograph."""
    with suppress(RadiographError):
        if (digest := read(path, ReadLimits()).pixel_digest) is not None:
            return digest
    return hashlib.sha256(path.read_bytes()).hexdigest()
