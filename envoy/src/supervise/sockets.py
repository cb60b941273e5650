"""Which sockets are listened on, by the kernel's own tables: no connection is made to find out."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from accredit.envoy.supervise.expected import Listening

_LISTEN = "0A"
_ACCEPTS = 0x10000  # __SO_ACCEPTCON


def listening() -> frozenset[Listening] | None:
    """Return every listening stream socket of our network namespace; None if we may not know."""
    try:
        tables = {name: _lines(name) for name in ("tcp", "unix")}
    except OSError:
        return None
    found = {*tcp(tables["tcp"]), *unix(tables["unix"])}
    with suppress(OSError):  # a kernel without IPv6
        found.update(tcp(_lines("tcp6")))
    return frozenset(found)


def tcp(lines: list[str]) -> Iterator[Listening]:
    """Read ``/proc/net/tcp`` or ``tcp6``, less the line of titles."""
    for line in lines:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            host, _, port = fields[1].partition(":")
            yield Listening(_address(host), int(port, 16))


def unix(lines: list[str]) -> Iterator[Listening]:
    """Read ``/proc/net/unix``, less the line of titles."""
    for line in lines:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & _ACCEPTS:
            yield Listening(fields[7], 0)


def _address(text: str) -> str:
    # Words of four bytes, each in the machine's order.
    raw = bytes.fromhex(text)
    words = [raw[at : at + 4] for at in range(0, len(raw), 4)]
    packed = b"".join(int.from_bytes(word, "big").to_bytes(4, sys.byteorder) for word in words)
    return str(ipaddress.ip_address(packed))


def _lines(name: str) -> list[str]:
    return Path("/proc/self/net", name).read_text(errors="replace").splitlines()[1:]
