"""Entries of a folder that are not regular files: pipes, sockets, devices, links, sparse files."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path
from random import Random


def make_place(path: Path, random: Random) -> None:
    """Create something in place of a file, as far as this user is allowed to."""
    kind = random.choice((_pipe, _socket, _device, _folder, _loop, _outside, _dangling, _sparse))
    with contextlib.suppress(PermissionError):
        kind(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        # The path is often too long to bind, but not the name from within the folder.
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            listener.bind(path.name[:40])
        finally:
            os.chdir(before)


def _device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.parent, target_is_directory=True)


def _outside(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        file.truncate(20 << 30)
