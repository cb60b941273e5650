"""Callers with a certificate of a test's choice, and no sidecar of their own."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from accredit.envoy.address import Address, Endpoint
from accredit.envoy.sidecar import Protocol
from support.sidecar import app, grpc_app, http2
from support.sidecar.http1 import Message, read_response, values

_ALPN = {Protocol.HTTP2: ["h2"], Protocol.GRPC: ["h2"]}
_PERMISSION_DENIED = "7"


def connect(
    to: Endpoint,
    certificate: Path | None,
    *,
    alpn: list[str] | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLSocket:
    """Return a TLS connection whose server is not looked at.

    Raises:
        ssl.SSLError: the server refuses it; in TLS 1.3 it may do so at the first read only.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = newest
    if alpn:
        context.set_alpn_protocols(alpn)
    if certificate is not None:
        context.load_cert_chain(certificate)
    plain = socket.create_connection((to.host, to.port), 20)
    return context.wrap_socket(plain)


def get(sock: socket.socket, target: str = "/", *more: str, method: str = "GET") -> Message:
    """Send one HTTP/1.1 request and return the answer."""
    lines = [f"{method} {target} HTTP/1.1", "Host: app", "Connection: close", *more]
    return send(sock, ("\r\n".join(lines) + "\r\n\r\n").encode(), head=method == "HEAD")


def send(sock: socket.socket, request: bytes, *, head: bool = False) -> Message:
    """Send bytes and return the answer to them."""
    sock.sendall(request)
    return read_response(sock.makefile("rb"), head=head)


def is_served(
    protocol: Protocol,
    to: Endpoint,
    certificate: Path | None,
    *,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> bool:
    """Tell whether such a caller gets as far as the app."""
    with app.connect(to):
        pass  # a closed port is no refusal
    try:
        with connect(to, certificate, alpn=_ALPN.get(protocol), newest=newest) as sock:
            return speak(protocol, sock)
    except (ConnectionError, EOFError, ssl.SSLError):
        return False


def is_served_plain(protocol: Protocol, to: Address) -> bool:
    """Tell whether a caller without TLS gets as far as the app."""
    with app.connect(to) as sock:
        try:
            return speak(protocol, sock)
        except (ConnectionError, EOFError):
            return False


def speak(protocol: Protocol, sock: socket.socket) -> bool:
    """Send one request of a protocol; tell whether the app has answered."""
    if protocol is Protocol.TCP:
        sock.sendall(b"hello\n")
        return sock.makefile("rb").readline() == b"you said hello\n"
    if protocol is Protocol.HTTP:
        return _answered(get(sock).status)
    if protocol is Protocol.HTTP2:
        return _answered(http2.request(sock, "/").status)
    path = f"/{grpc_app.SERVICE}/Echo"
    fields = (("content-type", "application/grpc"), ("te", "trailers"))
    answer = http2.request(sock, path, *fields, method="POST", body=b"\0\0\0\0\2hi")
    (status,) = values([*answer.fields, *answer.trailers], "grpc-status")
    assert status in ("0", _PERMISSION_DENIED)
    return status == "0"


def _answered(status: int) -> bool:
    assert status in (200, 403)
    return status == 200
