"""A file system with one file, ``program``, whose server answers or, when muted, does not."""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import needs

_LOOKUP, _GETATTR, _STATFS, _INIT = 1, 3, 17, 26
_DETACH = 2
_FILE = 2
_NO_LONGER_VALID = 0  # seconds the kernel may keep an answer


class Fuse:
    """The server: a thread that reads requests; ``asked`` lists their numbers."""

    def __init__(self, device: int) -> None:
        self.asked: list[int] = []
        self.muted = False
        self._device = device

    def serve(self) -> None:
        try:
            while True:
                request = os.read(self._device, 1 << 20)
                _, operation, unique, node = struct.unpack_from("IIQQ", request)
                self.asked.append(operation)
                if not self.muted:
                    self._answer(unique, self._body(operation, node))
        except OSError:
            return  # unmounted

    def _body(self, operation: int, node: int) -> bytes | None:
        if operation == _INIT:
            return struct.pack("IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 1 << 16, 0, 0, 0, 0)
        if operation == _LOOKUP:
            return struct.pack("QQQQII", _FILE, 0, 0, _NO_LONGER_VALID, 0, 0) + _attributes(_FILE)
        if operation == _GETATTR:
            return struct.pack("QII", _NO_LONGER_VALID, 0, 0) + _attributes(node)
        return struct.pack("80x") if operation == _STATFS else None

    def _answer(self, unique: int, body: bytes | None) -> None:
        error = 0 if body is not None else -38  # ENOSYS
        answer = body or b""
        os.write(self._device, struct.pack("IiQ", 16 + len(answer), error, unique) + answer)


def _attributes(node: int) -> bytes:
    mode = 0o100755 if node == _FILE else 0o40755
    return struct.pack("QQQQQQIIIIIIIIII", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


@contextmanager
def fuse(folder: Path) -> Iterator[Fuse]:
    """Mount one on ``folder`` meanwhile."""
    needs.root()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"no FUSE in this kernel or container: {error}")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    try:
        assert libc.mount(b"test", bytes(folder), b"fuse", 0, options) == 0, ctypes.get_errno()
        server = Fuse(device)
        threading.Thread(target=server.serve, daemon=True).start()
        yield server
    finally:
        libc.umount2(bytes(folder), _DETACH)
        os.close(device)
