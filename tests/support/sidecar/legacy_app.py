"""An app that speaks HTTP/1 and tells all it was sent."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from typing import Any

from support.sidecar.app import Talk
from support.sidecar.http1 import Message, chunked, read_body, read_head

BIG = 10 * 1024 * 1024
SERVER = "Legacy/0.9 (none of Envoy)"


def talk(sock: socket.socket) -> None:
    """Answer every request of one connection.

    ``/slow/0.2``, ``/big``, ``/odd`` and so on are answered as their names say; any other path by
    what the app has seen, in JSON.
    """
    stream = sock.makefile("rb")
    while (head := read_head(stream)) is not None and " HTTP/1." in head.line:
        if head.all("expect"):
            if head.target == "/refuse-body":
                sock.sendall(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
                return
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        request = read_body(stream, head)
        sock.sendall(answer(request))
        if request.line.endswith("HTTP/1.0") or request.target == "/until-close":
            return


def called(name: str, healthy: str = "200") -> Talk:
    """Return an app that answers by its name, and to ``/healthz`` by a status."""

    def talk(sock: socket.socket) -> None:
        stream = sock.makefile("rb")
        while (head := read_head(stream)) is not None and " HTTP/1." in head.line:
            if head.target == "/healthz":
                line = f"HTTP/1.1 {healthy} As Told\r\n"
                sock.sendall(line.encode() + b"Content-Length: 0\r\n\r\n")
            else:
                sock.sendall(ok(name.encode()))

    return talk


def answer(request: Message) -> bytes:
    """Return the whole response."""
    path = request.target.partition("?")[0]
    if path.startswith("/slow/"):
        time.sleep(float(path[6:]))
    if path == "/big":
        return ok(big(), *close(request))
    if path == "/chunked":
        fields = "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
        return f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + chunked(
            b"some", b"thing", trailers="X-Sum: 9\r\n"
        )
    if path == "/odd":
        odd = ("Set-Cookie: a=1", "Set-Cookie: b=2", "X_Under: score", "X-Empty:", "Via: 1.0 old")
        return ok(b"odd", *odd)
    if path == "/until-close":
        return b"HTTP/1.1 200 OK\r\nServer: old\r\n\r\nto the end"
    if path.startswith("/status/"):
        return f"HTTP/1.1 {path[8:]} As Told\r\nContent-Length: 0\r\n\r\n".encode()
    body = b"" if request.line.startswith("HEAD") else json.dumps(seen(request)).encode()
    return ok(body, *close(request))


def seen(request: Message) -> dict[str, Any]:
    """Return a request as plain data."""
    return {
        "line": request.line,
        "fields": request.fields,
        "length": len(request.body),
        "sha256": hashlib.sha256(request.body).hexdigest(),
        "trailers": request.trailers,
    }


def big() -> bytes:
    """Return ten megabytes that are not all alike."""
    return b"".join(n.to_bytes(4, "big") for n in range(BIG // 4))


def ok(body: bytes, *fields: str) -> bytes:
    lines = [f"Server: {SERVER}", f"Content-Length: {len(body)}", *fields]
    return (
        "HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
    ).encode() + body


def close(request: Message) -> tuple[str, ...]:
    return ("Connection: close",) if request.line.endswith("HTTP/1.0") else ()
