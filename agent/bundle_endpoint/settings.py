"""What an operator may choose about the bundle endpoint. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import Profile
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")
_PATH = re.compile(r"/[!-\"$->@-~]*")
_ANY = TrustDomain("any.example")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: an IP address and a port, 0 for any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse ``ADDRESS:PORT``, with brackets around an IPv6 address.

        Raises:
            ValueError: it is no such thing.
        """
        match = _LISTEN.fullmatch(text)
        port = int(match["port"]) if match else 0
        if match is None or not 0 < port < 1 << 16:
            raise ValueError("expected an IP address and a port, as in 0.0.0.0:8443 or [::]:8443")
        return cls(str(ip_address(match["six"] or match["four"])), port)

    @property
    def is_v6(self) -> bool:
        """Whether it is one of IPv6."""
        return isinstance(ip_address(self.host), IPv6Address)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_v6 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the bundle is served, under which profile, and what visitors may take.

    ``url`` is what partners are told, ``redirect`` where the bundle has moved to for a while.
    A visit is one connection with one request; all of it lasts ``patience`` at most, and ``drain``
    when the agent stops.

    Raises:
        ValueError: a part is missing, of the other profile, or no path.
    """

    listen: Address
    profile: Profile
    path: str = "/"
    url: EndpointUrl | None = None
    redirect: EndpointUrl | None = None
    certificate: Path | None = None
    key: Path | None = None
    spiffe_path: str = "/accredit/bundle-endpoint"
    connections: int = 100
    connections_per_address: int = 20
    header_bytes: int = 8 << 10
    patience: timedelta = timedelta(seconds=20)
    drain: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        files = (self.certificate, self.key)
        if self.profile is Profile.WEB and None in files:
            raise ValueError("profile https_web needs certificate and key")
        if self.profile is Profile.SPIFFE and files != (None, None):
            raise ValueError("certificate and key are for profile https_web; leave them out")
        if not _PATH.fullmatch(self.path):
            raise ValueError("path: expected the path of a URL, such as / or /bundle.json")
        self.spiffe_id(_ANY)

    def spiffe_id(self, trust_domain: TrustDomain) -> SpiffeId:
        """Return whom the server is under ``https_spiffe``."""
        try:
            found = SpiffeId(trust_domain, self.spiffe_path)
        except SpiffeIdError as error:
            raise ValueError(f"spiffe_path: {error.reason}") from None
        if not found.path:
            raise ValueError("spiffe_path: a server's SPIFFE ID needs a path")
        return found
