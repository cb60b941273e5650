"""Strangers who visit a bundle endpoint: curl, openssl, and bare sockets."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from support import needs

_TIMEOUT = 60


@dataclass(frozen=True)
class Answer:
    """What curl was told; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def curl(url: str, *arguments: str | Path) -> Answer:
    """Ask without a certificate or a password; whom the server is, ``arguments`` may check."""
    command = (needs.program("curl", apt="curl"), "--silent", "--show-error", "--include")
    done = subprocess.run(
        [*command, *(arguments or ("--insecure",)), url],
        check=False,
        capture_output=True,
        timeout=_TIMEOUT,
    )
    assert done.returncode == 0, done.stderr.decode()
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)


def handshake(port: int, *arguments: str) -> bool:
    """Tell whether ``openssl s_client`` comes to terms with the server."""
    done = subprocess.run(
        [
            needs.program("openssl", apt="openssl"),
            *("s_client", "-connect", f"127.0.0.1:{port}", *arguments),
        ],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=_TIMEOUT,
    )
    return done.returncode == 0 and b"Cipher is (NONE)" not in done.stdout


def leaf(port: int) -> x509.Certificate:
    """Return the certificate that the server shows."""
    with connected(port) as tls:
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown)


def connected(port: int) -> ssl.SSLSocket:
    """Return a connection over TLS; who the server is does not matter."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain(port))


def plain(port: int) -> socket.socket:
    """Return a connection without TLS."""
    return socket.create_connection(("127.0.0.1", port), _TIMEOUT)
