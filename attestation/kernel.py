"""What Linux tells about files and namespaces that Python's ``os`` does not pass on."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from functools import cache
from typing import Any

_AT_STATX_DONT_SYNC = 0x4000
_STATX_INO = 0x100
_STATX_BYTES = 256
_INODE = struct.Struct("=Q")  # stx_ino
_INODE_AT = 32
_DEVICE = struct.Struct("=II")  # stx_dev_major, stx_dev_minor
_DEVICE_AT = 136
_STATFS_BYTES = 512
_FUSE_SUPER_MAGIC = 0x65735546
_NS_GET_USERNS = 0xB701


def file_identity(folder: int, name: str) -> tuple[int, int]:
    """Return device and inode of what ``name`` leads to, from the kernel's cache alone.

    ``os.stat`` would ask the file system, and a user's own FUSE one may take as long as it likes.

    Raises:
        OSError: it cannot be looked at.
    """
    buffer = ctypes.create_string_buffer(_STATX_BYTES)
    _check(_libc().statx(folder, name.encode(), _AT_STATX_DONT_SYNC, _STATX_INO, buffer))
    major, minor = _DEVICE.unpack_from(buffer, _DEVICE_AT)
    return os.makedev(major, minor), _INODE.unpack_from(buffer, _INODE_AT)[0]


def is_on_fuse(descriptor: int) -> bool:
    """Whether a program of some user serves the file, and may show each reader another content.

    Raises:
        OSError: it cannot be looked at.
    """
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    _check(_libc().fstatfs(descriptor, buffer))
    kind = ctypes.c_long.from_buffer(buffer).value
    return kind & 0xFFFFFFFF == _FUSE_SUPER_MAGIC


def owning_user_namespace(namespace: int) -> int:
    """Return a descriptor, for the caller to close, on the user namespace that owns another one.

    Raises:
        PermissionError: the owner is none of ours, nor below it.
    """
    return fcntl.ioctl(namespace, _NS_GET_USERNS)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
