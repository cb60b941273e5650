"""JWT keys of trust domains over HTTP on a unix socket, each under the name of its own."""

from __future__ import annotations

import socket

from accredit.identity.bundle import TrustBundle
from support.sidecar.app import Talk
from support.sidecar.http1 import read_body, read_head
from support.sidecar.legacy_app import ok


def of(*bundles: TrustBundle) -> Talk:
    """Return the app that serves the keys of these."""
    keys = {f"/{bundle.trust_domain}": bundle.jwks for bundle in bundles}

    def talk(sock: socket.socket) -> None:
        stream = sock.makefile("rb")
        while (head := read_head(stream)) is not None:
            read_body(stream, head)  # Envoy sends an empty one when it tries again
            sock.sendall(ok(keys[head.target], "Content-Type: application/json"))

    return talk
