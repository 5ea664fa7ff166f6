"""Renaming a file in such a way that nothing is ever overwritten."""

from __future__ import annotations

import ctypes
import errno
import os

#: linux/fs.h: fail with EEXIST rather than replace what has the new name.
_RENAME_NOREPLACE = 1
#: How a kernel, a C library or a file system (NFS among them) says that it cannot do that.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


def rename_new(name: str, here: int, new: str, there: int) -> None:
    """Rename ``name`` of the folder ``here`` to ``new`` of the folder ``there``.

    Both are descriptors of folders. A link is renamed, not followed. Raises OSError; a
    FileExistsError where something has the new name.
    """
    try:
        _rename_exclusively(name, here, new, there)
    except OSError as exc:
        if exc.errno not in _UNSUPPORTED:
            raise
        _rename_reserved(name, here, new, there)


def _rename_exclusively(name: str, here: int, new: str, there: int) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    failed = rename(
        ctypes.c_int(here),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.c_int(there),
        ctypes.c_char_p(os.fsencode(new)),
        ctypes.c_uint(_RENAME_NOREPLACE),
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _rename_reserved(name: str, here: int, new: str, there: int) -> None:
    """Replace an empty file that was made under the new name, and only there, for this."""
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, dir_fd=there))
    try:
        os.rename(name, new, src_dir_fd=here, dst_dir_fd=there)
    except OSError:
        os.unlink(new, dir_fd=there)
        raise
