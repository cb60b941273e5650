from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from accredit.file_output.address import Address
from accredit.file_output.starttls import StartTls, ask_for_tls
from accredit.identity.errors import DeployError

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
_SSL = 0x0800


async def ask(protocol: StartTls, serve: Server) -> bytes:
    """Ask a server; return what it said once TLS could begin."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        reader, writer = await address.connect()
        try:
            await ask_for_tls(protocol, reader, writer)
            return await reader.read()
        finally:
            writer.close()


def saying(*answers: bytes, after: int = 0, then: bytes = b"TLS") -> Server:
    """Return a server that says this, reads so many bytes, and says the rest."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(answer)
        await reader.readexactly(after)
        writer.write(then)
        writer.close()

    return serve


def greeting(capabilities: int, version: int = 10, sequence: int = 0) -> bytes:
    body = bytes([version]) + b"8.0.1\0" + bytes(13) + struct.pack("<H", capabilities) + bytes(9)
    return len(body).to_bytes(3, "little") + bytes([sequence]) + body


async def test_without_a_protocol_nothing_is_said() -> None:
    assert await ask(StartTls.NONE, saying()) == b"TLS"


async def test_postgresql_is_asked_by_its_magic_number() -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readexactly(8))
        writer.write(b"STLS")
        writer.close()

    assert await ask(StartTls.POSTGRESQL, serve) == b"TLS"
    assert asked == [bytes.fromhex("0000000804d2162f")]


@pytest.mark.parametrize(
    ("answer", "words"), [(b"N", "ssl = on"), (b"E", "does not speak PostgreSQL")]
)
async def test_a_postgresql_that_will_not_is_told_apart(answer: bytes, words: str) -> None:
    with pytest.raises(DeployError, match=words):
        await ask(StartTls.POSTGRESQL, saying(answer))


async def test_mysql_is_asked_by_a_short_handshake_response() -> None:
    served = saying(greeting(_SSL, sequence=0), after=36)
    assert await ask(StartTls.MYSQL, served) == b"TLS"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (greeting(0), "offers no TLS: set ssl_cert"),
        (greeting(_SSL, version=9), "other than MySQL's protocol 10"),
        (b"\x03\0\0\0abc", "other than MySQL's protocol 10"),
        (b"HTTP/1.1 400 Bad Request\r\n", "does not speak MySQL's protocol"),
        (b"\0\0\0\0", "does not speak MySQL's protocol"),
        (b"\x17\0\0\0\xff\x10\x04#08004Too many users", "Too many users"),
    ],
)
async def test_a_server_that_is_no_mysql_with_tls_is_told_apart(said: bytes, words: str) -> None:
    with pytest.raises(DeployError, match=words):
        await ask(StartTls.MYSQL, saying(said))


async def test_a_server_that_hangs_up_is_seen() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await ask(StartTls.MYSQL, saying(b"\x10", then=b""))
