"""A listening TCP socket, and whose share of connections a visitor counts for."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network, ip_address

from accredit.agent.bundle_endpoint.settings import Address
from accredit.identity.errors import UnavailableError

_BACKLOG = 128


@contextmanager
def listening_at(address: Address, what: str = "federation.endpoint") -> Iterator[socket.socket]:
    """Listen with a non-blocking socket; ``[::]`` takes IPv4 too. ``what`` is named in errors.

    Raises:
        UnavailableError: the address is in use, not ours, or not ours to use.
    """
    family = socket.AF_INET6 if address.is_v6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.is_v6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((address.host, address.port))
            sock.listen(_BACKLOG)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            text = f"{what}: cannot listen at {address}: {reason}"
            raise UnavailableError(text) from None
        yield sock


def network_of(host: str) -> str:
    """Return whom a visitor from ``host`` is counted as: an IPv4 address, or an IPv6 /64."""
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
