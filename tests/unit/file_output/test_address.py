from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from accredit.file_output.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:443", Address("127.0.0.1", 443)),
        ("db.example:5432", Address("db.example", 5432)),
        ("[::1]:443", Address("::1", 443)),
        ("unix:/run/x.sock", Address(path="/run/x.sock")),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "443", ":443", "host:", "host:0", "host:65536", "host:²", "::1:443", "unix:"]
)
def test_what_is_no_address_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="host:port, \\[::1\\]:port or unix:/path"):
        parse_address(text)


@pytest.mark.parametrize("text", ["a..b:443", f"{'x' * 64}.example:443", "a\0b:1", "unix:/a\0b"])
def test_what_no_connection_could_be_made_to_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port, \\[::1\\]:port or unix:/path"):
        parse_address(text)


async def test_both_kinds_are_connected_to(tmp_path: Path) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    path = str(tmp_path / "s")
    tcp = await asyncio.start_server(answer, "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(answer, path)
    port = tcp.sockets[0].getsockname()[1]
    async with tcp, unix:
        for address in (Address("127.0.0.1", port), Address(path=path)):
            reader, writer = await address.connect()
            assert await reader.read() == b"hello"
            writer.close()
