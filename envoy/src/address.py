"""Where to listen and where to connect: values, and how people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_MAX_PORT = 65535
_MAX_NAME = 253
_MAX_SOCKET_BYTES = 107  # sun_path holds 108, with the zero byte at its end
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address or, to connect to, a DNS name; and a port."""

    host: str
    port: int

    @property
    def is_name(self) -> bool:
        """Whether the host has to be resolved."""
        return not _is_ip(self.host)

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Pipe:
    """A unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Endpoint | Pipe


@dataclass(frozen=True, slots=True)
class Destination:
    """What an app connects to: a port at the addresses of ``network``, or at any address."""

    network: IPv4Network | IPv6Network | None
    port: int

    def __str__(self) -> str:
        if self.network is None:
            return f"*:{self.port}"
        text = str(self.network)
        return f"[{text}]:{self.port}" if self.network.version == 6 else f"{text}:{self.port}"


def parse_listen(text: str) -> Endpoint:
    """Parse ``IP:PORT``, ``[IPv6]:PORT``.

    Raises:
        ValueError: it is no such thing; the message says what was expected.
    """
    endpoint = parse_endpoint(text)
    if endpoint.is_name:
        raise ValueError(f"{_cut(text)} has a name; expected an IP address to listen on")
    return endpoint


def parse_endpoint(text: str) -> Endpoint:
    """Parse ``HOST:PORT`` with an IP address, an IPv6 address in brackets, or a DNS name.

    Raises:
        ValueError: it is no such thing.
    """
    host, port = _split(text)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if _is_ip(host) and (":" in host) == bracketed:
        return Endpoint(_unmapped(text, host), port)
    if bracketed or not _is_name(host):
        raise ValueError(f"{_cut(text)} is no address; expected such as 10.0.0.5:8443, [::1]:8443")
    return Endpoint(host.lower(), port)


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT`` or ``unix:/path``.

    Raises:
        ValueError: it is neither.
    """
    if not text.startswith("unix:"):
        return parse_endpoint(text)
    return Pipe(parse_socket(text))


def parse_socket(text: str) -> str:
    """Parse the absolute path of a unix socket, with or without ``unix:`` before it.

    Raises:
        ValueError: it cannot be the path of a socket.
    """
    path = text.removeprefix("unix://").removeprefix("unix:")
    if not path.startswith("/") or path.endswith(("/", "/.", "/..")) or not path.isprintable():
        raise ValueError(f"{_cut(text)} is no absolute path of a unix socket")
    if len(path.encode()) > _MAX_SOCKET_BYTES:
        raise ValueError(f"longer than the {_MAX_SOCKET_BYTES} bytes a unix socket can have")
    return path


def parse_destination(text: str) -> Destination:
    """Parse ``10.0.0.5:80``, ``10.0.0.0/8:80``, ``[fd00::/8]:80`` or ``*:80``.

    Raises:
        ValueError: it is none of these.
    """
    host, port = _split(text)
    if host == "*":
        return Destination(None, port)
    bracketed = host.startswith("[") and host.endswith("]")
    if "%" in host:  # a zone, whose text Python would keep whatever it is
        raise ValueError(f"{_cut(text)}: expected a network without a zone, such as [fe80::/10]:80")
    try:
        network = ip_network(host[1:-1] if bracketed else host)
    except ValueError as error:
        raise ValueError(f"{_cut(text)}: {error}; expected such as 10.0.0.0/8:80") from None
    if (network.version == 6) != bracketed:
        raise ValueError(f"{_cut(text)}: expected an IPv6 network in brackets: [fd00::/8]:80")
    return Destination(network, port)


def _split(text: str) -> tuple[str, int]:
    host, found, port = text.rpartition(":")
    if not found or not host or not _PORT.fullmatch(port) or not 1 <= int(port) <= _MAX_PORT:
        raise ValueError(f"{_cut(text)} has no port; expected such as 127.0.0.1:8080")
    return host, int(port)


def _is_ip(text: str) -> bool:
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return False


def _unmapped(text: str, host: str) -> str:
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ValueError(f"{_cut(text)} is an IPv4 address; write it as {address.ipv4_mapped}")
    return str(address)


def _is_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    # Four numbers that are no IP address are a slip, not a name.
    return (
        len(text) <= _MAX_NAME
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdecimal()
    )


def _cut(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:100] + "...")
