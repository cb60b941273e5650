"""URLs of bundle endpoints, SPIFFE Federation 5.2.1.1 and 5.2.2.1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urljoin

_MAX_BYTES = 2048
_HTTPS_PORT = 443
# By hand: urlsplit drops tabs and newlines, and finds a host where there is none.
_FORM = re.compile(
    r"(?i:https)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:[/?][!-~]*)?)"
)
_VISIBLE = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """Where a bundle is fetched: ``host`` without brackets and in lower case, ``target`` as sent.

    Made by ``parse`` only.
    """

    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> EndpointUrl:
        """Parse an absolute URL with scheme ``https`` and without user-info or fragment.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        if len(text) > _MAX_BYTES:
            raise ValueError(f"the URL is longer than {_MAX_BYTES} bytes")
        _check_frame(text)
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(_no_url(text))
        target = match["target"]
        port = int(match["port"] or _HTTPS_PORT)
        if not 0 < port < 1 << 16:
            raise ValueError(f"{_shown(text)} has no port from 1 to 65535")
        return cls(_host(match["host"]), port, target if target.startswith("/") else f"/{target}")

    def redirected(self, location: str) -> EndpointUrl:
        """Return where ``location``, absolute or relative to this URL, leads.

        Raises:
            ValueError: it is no URL of a bundle endpoint.
        """
        if not _VISIBLE.fullmatch(location):
            raise ValueError(_no_url(location))
        return self.parse(urljoin(str(self), location).partition("#")[0])

    @property
    def authority(self) -> str:
        """Host and, unless it is 443, port, as in the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS_PORT else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.authority}{self.target}"


def _check_frame(text: str) -> None:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "https":
        raise ValueError(f"{_shown(text)} is not an https URL; expected https://HOST/PATH")
    if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise ValueError("the URL has user-info before its host; a bundle endpoint has none")
    if "#" in text:
        raise ValueError(f"{_shown(text)} has a fragment; a bundle endpoint has none")


def _host(text: str) -> str:
    """Return the host as certificates and sockets know it."""
    try:
        if text.startswith("["):
            return str(IPv6Address(text[1:-1]))
        if text.replace(".", "").isdigit():
            return str(IPv4Address(text))
    except AddressValueError as error:
        raise ValueError(f"the URL's host is no IP address: {error}") from None
    if len(text) > 253 or not all(map(_LABEL.fullmatch, text.split("."))):
        raise ValueError(f"the URL's host {text[:100]!r} is neither a DNS name nor an IP address")
    return text.lower()


def _no_url(text: str) -> str:
    return f"{_shown(text)} is not a URL of visible ASCII characters such as https://HOST/PATH"


def _shown(text: str) -> str:
    # What stands before an @ may be a password.
    shown = text.rpartition("@")[2]
    return repr(shown if len(shown) <= 100 else shown[:100] + "...")
