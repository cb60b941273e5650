"""One visit of the bundle endpoint: TLS, one request, one answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from accredit.agent.bundle_endpoint.answers import BundleAnswers
from accredit.agent.http_talk import ProtocolError, Talk


class _StreamWire:
    """A Wire over asyncio's streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self, most: int) -> bytes:
        return await self._reader.read(most)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """Return once everything has gone and the other side has said goodbye."""
        self._writer.close()
        await self._writer.wait_closed()


async def visit(
    sock: socket.socket,
    context: ssl.SSLContext,
    answers: BundleAnswers,
    patience: float,
    header_bytes: int,
) -> None:
    """Serve one accepted socket for ``patience`` seconds at most.

    Raises:
        OSError: the connection broke, or TLS came to nothing.
        TimeoutError: the visitor was too slow.
    """
    async with asyncio.timeout(patience), _wire(sock, context, patience) as wire:
        talk = Talk(wire, patience, header_bytes)
        try:
            request = await talk.request()
            if request is None:
                return
            answer = answers.answer(request)
        except ProtocolError as error:
            answer = answers.refusal(error.status, str(error))
        await talk.say(answer)
        await wire.close()


@asynccontextmanager
async def _wire(
    sock: socket.socket, context: ssl.SSLContext, patience: float
) -> AsyncIterator[_StreamWire]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol, sock, ssl=context, ssl_handshake_timeout=patience
    )
    try:
        yield _StreamWire(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
    finally:
        transport.abort()
