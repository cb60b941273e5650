"""The admin socket: one JSON object a line in, one a line out, for our own user and root.

Request ``{"method": "status", "params": {}}``; answer ``{"result": ...}`` or
``{"error": {"status": "NOT_FOUND", "message": "..."}}``. The folder's mode keeps others out; the
kernel's word on who calls is asked all the same, since a folder can be opened by mistake.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from accredit.agent.socket_path import listening
from accredit.identity.errors import AccreditError, AttestationError, RequestError

MAX_REQUEST_BYTES = 16 * 1024 * 1024  # a plan for entries is the largest thing in one
_READ_BYTES = 64 * 1024
_IDLE_SECONDS = 30
_CONNECTIONS = 16
_PAUSE_SECONDS = 0.1
_CREDENTIALS = struct.Struct("iII")
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Params = Mapping[str, Any]
Method = Callable[[Params], Awaitable[Any]]

administrator: ContextVar[int | None] = ContextVar("administrator", default=None)
"""The uid of whoever a method is called for."""

_logger = logging.getLogger(__name__)


class AdminServer:
    """Answers administrators at one path; a component. ``ready`` is set once it listens."""

    name = "admin"

    def __init__(self, path: Path, methods: Mapping[str, Method]) -> None:
        self.ready = asyncio.Event()
        self._path = path
        self._methods = methods
        self._free = asyncio.Semaphore(_CONNECTIONS)

    async def run(self) -> None:
        """Serve until cancelled; connections beyond the bound wait in the kernel's queue."""
        with listening(self._path, mode=0o600, folder_mode=0o700) as listener:
            self.ready.set()
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._free.acquire()
                    connection = await self._accept(listener)
                    group.create_task(self._serve(connection), name="admin/connection")

    async def _accept(self, listener: socket.socket) -> socket.socket:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    raise
                _logger.warning("no descriptor for an administrator", extra={"error": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return connection

    async def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError, TimeoutError):
                administrator.set(_require_administrator(connection))
                await self._answer_all(connection)
        except AccreditError as error:
            _logger.warning("administrator refused", extra={"error": str(error)})
        finally:
            self._free.release()

    async def _answer_all(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        rest = b""
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                line, rest = await _read_line(connection, rest)
            if not line:
                return
            answer = await self._answer(line)
            async with asyncio.timeout(_IDLE_SECONDS):
                await loop.sock_sendall(connection, answer)

    async def _answer(self, line: bytes) -> bytes:
        try:
            answer = {"result": await self._call(line)}
        except AccreditError as error:
            answer = {"error": {"status": error.status, "message": str(error)}}
        return json.dumps(answer).encode() + b"\n"

    async def _call(self, line: bytes) -> Any:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            raise RequestError("the request is not JSON") from None
        if not isinstance(request, dict) or not isinstance(request.get("params", {}), dict):
            raise RequestError("expected an object with method and params")
        method = self._methods.get(str(request.get("method")))
        if method is None:
            raise RequestError("unknown method; known are " + ", ".join(sorted(self._methods)))
        return await method(request.get("params", {}))


async def _read_line(connection: socket.socket, rest: bytes) -> tuple[bytes, bytes]:
    """Return one line without its end, and what came after it; an empty line is the end."""
    loop = asyncio.get_running_loop()
    read, received = bytearray(), rest
    while b"\n" not in received:
        read += received
        if len(read) > MAX_REQUEST_BYTES:
            raise RequestError(f"the request is longer than {MAX_REQUEST_BYTES} bytes")
        received = await loop.sock_recv(connection, _READ_BYTES)
        if not received:
            return b"", b""
    end, _, rest = received.partition(b"\n")
    return bytes(read) + end, rest


def _require_administrator(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    if uid not in {0, os.geteuid()}:
        raise AttestationError(f"uid {uid} is neither root nor the agent's own user")
    return int(uid)
