"""The pages of a sheet that has more pictures than one page holds: their files and titles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from db.query.order import Order
from db.records import Result, ResultFilter
from scheduler.terminal import printable


def pages_of(results: Sequence[Result], per_page: int) -> list[Sequence[Result]]:
    """Split results into pages."""
    return [results[start : start + per_page] for start in range(0, len(results), per_page)]


def page_files(out: Path, pages: int) -> list[Path]:
    """Return the file of each page; a single one is ``out`` itself."""
    return [out] if pages == 1 else [_page_file(out, number) for number in range(1, pages + 1)]


def _page_file(out: Path, number: int) -> Path:
    """Return the file of one page of several."""
    return out.with_name(f"{out.stem}-{number}{out.suffix}")


def older_pages(out: Path, pages: int) -> list[Path]:
    """Return the files of an older sheet of this name that this one did not replace."""
    found = [] if pages == 1 or not out.exists() else [out]
    for number in count(1 if pages == 1 else pages + 1):
        if not (file := _page_file(out, number)).exists():
            return found
        found.append(file)
    raise AssertionError  # `count` never ends


def title_of(wanted: ResultFilter, order: Order | None, first: int, drawn: int, every: int) -> str:
    """Return the title of a page; it names only filters that identify nobody."""
    parts = [] if wanted.batch is None else [printable(wanted.batch)]
    parts += [] if wanted.bucket is None else [f"bucket {wanted.bucket}"]
    parts += [] if order is None else [f"by {order.column}{', descending' * order.descending}"]
    shown = f"results {first} to {first + drawn - 1} of {every}" if every > 1 else "1 result"
    return ": ".join([*([", ".join(parts)] if parts else []), shown])
