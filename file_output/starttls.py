"""What PostgreSQL and MySQL say in the clear before TLS begins."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from enum import StrEnum

from accredit.identity.errors import DeployError

_PG_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_CLIENT_SSL, _PROTOCOL_41, _SECURE_CONNECTION = 0x0800, 0x0200, 0x8000
_MAX_GREETING = 4096
_UTF8MB4 = 45


class StartTls(StrEnum):
    """Which protocol comes before TLS."""

    NONE = "none"
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"


async def ask_for_tls(
    protocol: StartTls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Return once the next byte either side sends is TLS.

    Raises:
        DeployError: the server offers no TLS, or speaks something else.
        OSError: the connection broke.
        asyncio.IncompleteReadError: the server closed it.
    """
    await _PREFACES[protocol](reader, writer)


async def _none(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


async def _postgresql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_PG_SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer == b"N":
        raise DeployError("offers no TLS: set 'ssl = on' in postgresql.conf")
    if answer != b"S":
        raise DeployError("does not speak PostgreSQL's protocol")


async def _mysql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readexactly(4)
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= _MAX_GREETING:
        raise DeployError("does not speak MySQL's protocol")
    if not _offers_tls(await reader.readexactly(length)):
        raise DeployError("offers no TLS: set ssl_cert and ssl_key in its configuration")
    wanted = _CLIENT_SSL | _PROTOCOL_41 | _SECURE_CONNECTION
    request = struct.pack("<IIB23x", wanted, 1 << 24, _UTF8MB4)
    writer.write(len(request).to_bytes(3, "little") + bytes([head[3] + 1 & 0xFF]) + request)


def _offers_tls(greeting: bytes) -> bool:
    """Read the capabilities, which follow the version and 13 bytes of connection id and salt."""
    version, end, rest = greeting[1:].partition(b"\0")
    if greeting[0] != 10 or not end or len(rest) < 15:
        said = (
            greeting[9:].decode(errors="replace")
            if greeting[0] == 0xFF
            else version.decode(errors="replace")
        )
        printable = "".join(c for c in said if c.isprintable())[:200]
        raise DeployError(f"greets with something other than MySQL's protocol 10: {printable!r}")
    return bool(int.from_bytes(rest[13:15], "little") & _CLIENT_SSL)


_PREFACES: dict[
    StartTls, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
] = {
    StartTls.NONE: _none,
    StartTls.POSTGRESQL: _postgresql,
    StartTls.MYSQL: _mysql,
}
