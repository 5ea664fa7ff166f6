"""The files of the project, except those in .gitignore."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def is_ignored(entry: Path, patterns: list[str]) -> bool:
    inside = "/" + entry.relative_to(ROOT).as_posix()
    return any(
        fnmatch(inside if pattern.startswith("/") else entry.name, pattern) for pattern in patterns
    )


def walk(folder: Path, patterns: list[str]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name == ".git" or is_ignored(entry, patterns):
            continue
        if entry.is_dir():
            yield from walk(entry, patterns)
        else:
            yield entry


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Return every file of the project, relative to its root."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    return [path.relative_to(ROOT) for path in walk(ROOT, patterns)]


@pytest.fixture(scope="session")
def modules(files: list[Path]) -> list[Path]:
    return [path for path in files if path.suffix == ".py"]
