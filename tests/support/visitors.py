"""Clients with certificates of several authorities, at the door of one server."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.identity.x509_svid import X509Svid
from support import handshakes
from support.ca import TestCa

REFUSED_BY_TLS = 0


@dataclass
class Visitors:
    """Serves with ``own``'s certificates in ``folder``; ``partner`` is a federated authority."""

    folder: Path

    def __post_init__(self) -> None:
        now = datetime.now(UTC)
        self.own = TestCa("td.example", now=now)
        self.partner = TestCa("partner.example", now=now)
        svid = self.own.svid("spiffe://td.example/server")
        self.folder.mkdir(exist_ok=True)
        for name, content in {
            "tls.crt": svid.chain_pem,
            "tls.key": svid.key_pem,
            "haproxy.pem": svid.chain_pem + svid.key_pem,
            "ca.crt": self.own.root.public_bytes(Encoding.PEM),
            "ca-partner.example.crt": self.partner.root.public_bytes(Encoding.PEM),
        }.items():
            (self.folder / name).write_bytes(content)

    def forged(self) -> X509Svid:
        """Return what the partner's authority would sign to speak for our domain."""
        return self.partner.svid("spiffe://td.example/web")

    def visit(self, port: int, svid: X509Svid | None) -> int:
        """Ask for a page; return the HTTP status."""
        context = handshakes.context(self.own, svid)
        try:
            with (
                socket.create_connection(("127.0.0.1", port), 20) as plain,
                context.wrap_socket(plain) as tls,
            ):
                tls.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                answer = tls.recv(64)
        except (ssl.SSLError, ConnectionError):
            return REFUSED_BY_TLS
        return int(answer.split()[1]) if answer else REFUSED_BY_TLS
