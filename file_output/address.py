"""Where a program listens: ``host:port``, ``[::1]:port`` or ``unix:/path``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address, or with ``path`` that of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    async def connect(self) -> Stream:
        """Connect; the caller closes the writer.

        Raises:
            OSError: nobody answers there.
        """
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.port)

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Parse one.

    Raises:
        ValueError: it is none; the message says what was expected.
    """
    if text.startswith("unix:") and len(text) > len("unix:") and "\0" not in text:
        return Address(path=text.removeprefix("unix:"))
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    bare = ":" in host and not text.startswith("[")
    if not colon or bare or not is_host(host) or not _is_port(port):
        raise ValueError(f"{text[:100]!r} is not an address: host:port, [::1]:port or unix:/path")
    return Address(host, int(port))


def is_host(text: str) -> bool:
    """Tell whether it could be looked up; Python refuses other names with a ValueError."""
    try:
        return bool(text.encode("idna")) and "\0" not in text
    except UnicodeError:
        return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536
