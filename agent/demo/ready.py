"""Waiting until the agent says it is ready, and until an Envoy truly serves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from accredit.identity.errors import UnavailableError

_BETWEEN_TRIES = 0.05


@contextlib.asynccontextmanager
async def notified(folder: Path, seconds: float) -> AsyncIterator[str]:
    """Yield a ``NOTIFY_SOCKET=...`` setting; at the end of the block wait for ``READY=1``.

    Raises:
        UnavailableError: it was not said within ``seconds``.
    """
    path = folder / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(0)
        yield f"NOTIFY_SOCKET={path}"
        try:
            async with asyncio.timeout(seconds):
                while b"READY=1" not in await asyncio.get_running_loop().sock_recv(receiver, 4096):
                    pass
        except TimeoutError:
            raise UnavailableError(f"the agent was not ready within {seconds} s") from None


async def envoy(admin: Path, seconds: float) -> None:
    """Return once the Envoy with that admin socket is ready, with all its secrets.

    Raises:
        UnavailableError: it was not within ``seconds``.
    """
    try:
        async with asyncio.timeout(seconds):
            # Envoy tells nobody when it is ready; it can only be asked.
            while not await _answers_ready(admin):  # noqa: ASYNC110
                await asyncio.sleep(_BETWEEN_TRIES)
    except TimeoutError:
        raise UnavailableError(f"the Envoy at {admin} was not ready within {seconds} s") from None


async def _answers_ready(admin: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(admin)
    except OSError:
        return False
    try:
        writer.write(b"GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")
        return (await reader.read(4096)).startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
