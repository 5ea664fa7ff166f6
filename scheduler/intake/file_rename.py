"""Renaming a file without ever overwriting another one."""

from __future__ import annotations

import ctypes
import errno
import os

#: linux/fs.h: fail with EEXIST if the new name exists.
_RENAME_NOREPLACE = 1
#: linux/fs.h: exchange two names.
_RENAME_EXCHANGE = 2
#: Errors of kernels, C libraries and file systems (such as NFS) without these flags.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


def rename_new(name: str, here: int, new: str, there: int) -> None:
    """Rename ``name`` of the folder ``here`` to ``new`` of the folder ``there``.

    Both are descriptors of folders. A link is renamed, not followed. Raises OSError, and
    FileExistsError if the new name exists.
    """
    try:
        _rename(name, here, new, there, _RENAME_NOREPLACE)
    except OSError as exc:
        if exc.errno not in _UNSUPPORTED:
            raise
        _rename_reserved(name, here, new, there)


def rename_over(name: str, new: str, here: int, former: os.stat_result) -> None:
    """Rename ``name`` to ``new``, which is the file ``former``; both are of the folder ``here``.

    The two are exchanged first, so that a file that has replaced ``former`` meanwhile can be put
    back. A file system without exchange replaces the file of the new name. Raises OSError, and
    FileExistsError if ``new`` is another file by now.
    """
    try:
        _rename(name, here, new, here, _RENAME_EXCHANGE)
    except OSError as exc:
        if exc.errno not in _UNSUPPORTED:
            raise
        os.rename(name, new, src_dir_fd=here, dst_dir_fd=here)
        return
    found = os.stat(name, dir_fd=here, follow_symlinks=False)
    # A new file may have the inode number of one that was just deleted.
    same = (found.st_size, found.st_mtime_ns) == (former.st_size, former.st_mtime_ns)
    if not same or not os.path.samestat(found, former):
        _rename(name, here, new, here, _RENAME_EXCHANGE)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.unlink(name, dir_fd=here)


def _rename(name: str, here: int, new: str, there: int, how: int) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    failed = rename(
        ctypes.c_int(here),
        ctypes.c_char_p(os.fsencode(name)),
        ctypes.c_int(there),
        ctypes.c_char_p(os.fsencode(new)),
        ctypes.c_uint(how),
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _rename_reserved(name: str, here: int, new: str, there: int) -> None:
    """Reserve the new name with an empty file, then replace that file."""
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, dir_fd=there))
    try:
        os.rename(name, new, src_dir_fd=here, dst_dir_fd=there)
    except OSError:
        os.unlink(new, dir_fd=there)
        raise
