"""Exchange pairs of paths as fast as possible until killed: ``python swapping.py A B [C D ...]``.

Each exchange is atomic (RENAME_EXCHANGE), so that both paths exist at any moment.
"""

from __future__ import annotations

import ctypes
import os
import sys

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h


def exchange(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> bool:
    """Exchange the files at two paths; return False if one of them does not exist."""
    renamed = ctypes.CDLL(None).renameat2(
        _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
    return bool(renamed == 0)


if __name__ == "__main__":
    pairs = list(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    sys.stdout.write("swapping\n")
    sys.stdout.flush()
    while True:
        for pair in pairs:
            exchange(*pair)
