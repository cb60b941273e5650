"""TLS of a server: Mozilla's intermediate profile, SPIFFE Federation section 5."""

from __future__ import annotations

import os
import ssl

_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)


def server_context(chain_pem: bytes, key_pem: bytes) -> ssl.SSLContext:
    """Return what shows that chain, leaf first, and asks nobody for a certificate.

    No session outlives its connection: every handshake shows the newest certificate.

    Raises:
        ssl.SSLError: chain and key do not fit, or are too weak for OpenSSL.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load(context, chain_pem + key_pem)
    return context


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    # OpenSSL reads keys from files only, and this one must never be on a disk.
    with os.fdopen(os.memfd_create("certificate"), "wb") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
