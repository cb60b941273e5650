"""Where a client finds the Workload Endpoint, Workload Endpoint section 4. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, unquote

from accredit.identity.errors import ConfigError, Mistake

ENDPOINT_VARIABLE = "SPIFFE_ENDPOINT_SOCKET"

# By hand on the raw text: urlsplit drops newlines and tabs, and hides a bare "?" or "@".
_UNIX = re.compile(r"unix:(?://(?=/)|(?!//))(/[^?#]*)", re.IGNORECASE)
_TCP = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]{1,5})", re.IGNORECASE)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EXAMPLE = "expected an address such as unix:///run/accredit/public/api.sock"


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A Unix socket at an absolute path."""

    path: str

    def __str__(self) -> str:
        return "unix://" + quote(self.path)


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """An IP address and a port."""

    host: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int

    def __str__(self) -> str:
        return f"tcp://{self.authority}"

    @property
    def authority(self) -> str:
        """``address:port``, with brackets round an IPv6 address."""
        host = f"[{self.host}]" if self.host.version == 6 else str(self.host)
        return f"{host}:{self.port}"


Endpoint: TypeAlias = UnixEndpoint | TcpEndpoint


def find_endpoint(address: str | None, environment: Mapping[str, str]) -> Endpoint:
    """Return the endpoint at ``address``, or without one that of ``SPIFFE_ENDPOINT_SOCKET``.

    Raises:
        ConfigError: neither is given, or what is given is no endpoint address.
    """
    if address is not None:
        return parse_endpoint(address)
    if found := environment.get(ENDPOINT_VARIABLE):
        return parse_endpoint(found, source=ENDPOINT_VARIABLE)
    raise _mistake(ENDPOINT_VARIABLE, f"is not set, and no address was given: {_EXAMPLE}")


def parse_endpoint(text: str, *, source: str = "address") -> Endpoint:
    """Read ``unix:///path``, ``unix:/path``, ``tcp://1.2.3.4:80`` or ``tcp://[::1]:80``.

    ``source`` is what to call the text in an error.

    Raises:
        ConfigError: anything else, down to a trailing slash.
    """
    scheme, colon, _ = text.partition(":")
    if colon and scheme.lower() == "unix":
        return _parse_unix(text, source)
    if colon and scheme.lower() == "tcp":
        return _parse_tcp(text, source)
    raise _mistake(source, f"{text[:200]!r} is neither unix nor tcp; {_EXAMPLE}")


def _parse_unix(text: str, source: str) -> UnixEndpoint:
    found = _UNIX.fullmatch(text)
    if found is None:
        raise _mistake(source, f"{text[:200]!r} is not unix: and an absolute path alone")
    path = unquote(found[1], errors="surrogateescape")
    if _PERCENT.search(found[1]) or not path.isprintable():
        raise _mistake(source, f"{text[:200]!r} has a bad escape or character in its path")
    return UnixEndpoint(path)


def _parse_tcp(text: str, source: str) -> TcpEndpoint:
    found = _TCP.fullmatch(text)
    if found is None:
        raise _mistake(source, f"{text[:200]!r} is not tcp://, an IP address and a port alone")
    try:
        host = ipaddress.ip_address(found[1].strip("[]"))
    except ValueError:
        raise _mistake(source, f"{text[:200]!r} has no IP address") from None
    port = int(found[2])
    if (host.version == 6) != found[1].startswith("[") or not 0 < port < 65536:
        raise _mistake(source, f"{text[:200]!r} is not tcp://, an IP address and a port alone")
    return TcpEndpoint(host, port)


def _mistake(source: str, reason: str) -> ConfigError:
    return ConfigError([Mistake(source, None, "", reason)])
