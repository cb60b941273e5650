"""Waiting until the agent says it is ready, and until an app and an Envoy truly serve."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from accredit.envoy.address import Endpoint
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
    await _until(lambda: _answers_ready(admin), seconds, f"the Envoy at {admin}")


async def app(at: Endpoint, seconds: float) -> None:
    """Return once a process listens at ``at``: until then its Envoy answers for it with 503.

    Raises:
        UnavailableError: none did within ``seconds``.
    """
    await _until(lambda: _listens(at), seconds, f"the app at {at}")


async def _until(held: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            # Neither tells anybody when it is ready; they can only be asked.
            while not await held():  # noqa: ASYNC110
                await asyncio.sleep(_BETWEEN_TRIES)
    except TimeoutError:
        raise UnavailableError(f"{what} was not ready within {seconds} s") from None


async def _listens(at: Endpoint) -> bool:
    try:
        _, writer = await asyncio.open_connection(at.host, at.port)
    except OSError:
        return False
    writer.close()
    return True


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
