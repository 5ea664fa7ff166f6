"""The JSON keys that commands print, and those among them that are undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.output.vocabulary import FORMER, MEANINGS, NAMED, OF_IMAGES, OF_MACHINE, OPEN
from results.columns import COLUMNS


def keys_of(value: Any) -> Iterator[str]:
    """Yield every key of a JSON value, except those chosen by the site."""
    if isinstance(value, list):
        for each in value:
            yield from keys_of(each)
    elif isinstance(value, dict):
        yield from value
        for key, each in value.items():
            if key in NAMED and isinstance(each, dict):
                yield from keys_of(list(each.values()))
            elif key not in OPEN:
                yield from keys_of(each)


def unknown_keys(value: Any) -> set[str]:
    """Return the keys of a JSON value that are undocumented."""
    columns = {column.name for column in COLUMNS}
    told = columns | set(MEANINGS) | set(OF_MACHINE) | set(OF_IMAGES) | set(FORMER)
    return set(keys_of(value)) - told
