"""Calls a function with the rights of another user of this machine."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

#: A user and a group that exist on no machine.
OTHER = 12345

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

_CONTEXT = multiprocessing.get_context("forkserver")


def call_as(user: int, groups: list[int], function: Callable[..., Any], *args: object) -> Any:
    """Return the result of a function in a process of ``user`` and ``groups``."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_call, args=(theirs, user, groups, function, args))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder accessible to every user, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="thoraq-other-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _call(
    pipe: Connection,
    user: int,
    groups: list[int],
    function: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    os.setgroups(groups)
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    pipe.send(function(*args))
