"""A TLS server that says to a fetcher whatever a test wants it to say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.bundle import TrustBundle, encode_bundle
from accredit.identity.keys import to_pkcs8_pem
from support.ca import Issued

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def server_context(folder: Path, issued: Issued) -> ssl.SSLContext:
    """Return what serves with this chain and key, through a file in ``folder``."""
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in issued.chain)
    path = folder / f"{issued.leaf.serial_number:x}.pem"
    path.write_bytes(chain + to_pkcs8_pem(issued.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def whole(body: bytes, head: bytes = OK) -> bytes:
    """Return a response with its length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def document(bundle: TrustBundle) -> bytes:
    """Return a response with the bundle's document."""
    return whole(encode_bundle(bundle))


def redirect(status: int, location: str) -> bytes:
    """Return a response that points elsewhere."""
    return b"HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (
        status,
        location.encode("latin-1"),
    )


def says(response: bytes) -> Talk:
    """Return a talk that answers each request with these bytes, and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    return talk


class Endpoint:
    """A server on loopback; ``talk`` may be changed between two connections.

    ``requests`` holds the head of every request that came whole.
    """

    port: int

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.connections = 0
        self.requests: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/bundle.json", host: str = "127.0.0.1") -> str:
        return f"https://{host}:{self.port}{path}"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.talk(_Noting(reader, self.requests), writer)
        finally:
            writer.transport.abort()
            self._tasks.remove(task)

    async def over(self) -> None:
        """Wait until every talk has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=20)


class _Noting(asyncio.StreamReader):
    """Notes what was read up to a separator."""

    def __init__(self, reader: asyncio.StreamReader, notes: list[bytes]) -> None:
        super().__init__()
        self._inner, self._notes = reader, notes

    async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]
        data = await self._inner.readuntil(separator)
        self._notes.append(data)
        return data

    async def read(self, n: int = -1) -> bytes:
        return await self._inner.read(n)


@asynccontextmanager
async def endpoint(
    context: ssl.SSLContext | None, talk: Talk, host: str = "127.0.0.1"
) -> AsyncIterator[Endpoint]:
    """Serve meanwhile; without TLS if there is no ``context``."""
    found = Endpoint(talk)
    server = await asyncio.start_server(found.connected, host, 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found
    await found.over()
