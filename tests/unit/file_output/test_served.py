from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.tls_server import TlsServer

from accredit.file_output.address import Address
from accredit.file_output.served import Question, served_leaf
from accredit.identity.errors import DeployError


@pytest.fixture
def ca() -> TestCa:
    return TestCa(now=datetime.now(UTC))


async def test_the_leaf_that_is_served_is_returned_whoever_signed_it(ca: TestCa) -> None:
    svid = ca.svid()
    async with TlsServer([svid]).running() as server:
        leaf = await served_leaf(Question(server.address, "web.example"))
    assert leaf == svid.leaf.public_bytes(Encoding.DER)
    assert server.names == ["web.example"]


async def test_a_server_that_wants_a_certificate_gets_the_one_that_was_written(
    ca: TestCa,
) -> None:
    svid = ca.svid()
    pem = svid.chain_pem + svid.key_pem
    async with TlsServer([svid], trusting=ca).running() as server:
        with pytest.raises(DeployError, match=r"handshake|closes the connection"):
            await served_leaf(Question(server.address))
        leaf = await served_leaf(Question(server.address, client_pem=pem))
    assert leaf == svid.leaf.public_bytes(Encoding.DER)
    assert svid.key_pem.decode() not in repr(Question(server.address, client_pem=pem))


async def test_nobody_there_is_said() -> None:
    with pytest.raises(DeployError, match="cannot be reached: "):
        await served_leaf(Question(Address(path="/nowhere/socket")))


@pytest.mark.parametrize(("said", "words"), [(b"", "closes"), (b"HTTP/1.1 400 no\r\n", "TLS")])
async def test_a_server_without_tls_is_said_to_have_none(said: bytes, words: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(DeployError, match=words):
            await served_leaf(Question(address))
