"""What a caller sends behind an upgrade that the app ignores: never a request of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from support.sidecar import app, caller, http2, legacy_app, pair
from support.sidecar.http1 import read_head
from support.sidecar.world import FRONTEND, World
from support.sidecar_pair import free_port

_SECOND = b"DELETE /second HTTP/1.1\r\nHost: app\r\nX-Forwarded-Client-Cert: URI=forged\r\n\r\n"


class _Ignorant:
    """An app that takes an upgrade for a plain request, slowly, and reads on."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gone = threading.Event()

    def talk(self, sock: socket.socket) -> None:
        stream = sock.makefile("rb")
        while (head := read_head(stream)) is not None and " HTTP/1." in head.line:
            self.seen.append(head.target)
            sock.settimeout(0.3)
            with contextlib.suppress(TimeoutError):
                self.seen.append(sock.recv(1, socket.MSG_PEEK).decode())
            sock.settimeout(None)
            sock.sendall(legacy_app.ok(b"plain"))
        self.gone.set()


def test_over_http1(world: World) -> None:
    at, ignorant = free_port(), _Ignorant()
    with app.serving(at, ignorant.talk), pair.running(world, "upgraded", at) as way:
        certificate = world.pem(world.prod.issue(FRONTEND))
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        request = f"GET /first HTTP/1.1\r\nHost: app\r\n{upgrade}\r\n".encode()
        with caller.connect(way.mtls, certificate) as sock:
            sock.sendall(request + _SECOND)
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert b" 200 OK" in sock.makefile("rb").read()
        assert ignorant.gone.wait(30)
    assert ignorant.seen == ["/first"]


def test_over_http2(world: World) -> None:
    at, ignorant = free_port(), _Ignorant()
    with app.serving(at, ignorant.talk), pair.running(world, "upgraded2", at) as way:
        certificate = world.pem(world.prod.issue(FRONTEND))
        with caller.connect(way.mtls, certificate, alpn=["h2"]) as sock:
            protocol = (":protocol", "websocket")
            answer = http2.request(sock, "/first", protocol, method="CONNECT", body=_SECOND)
            assert answer.status == 200
        assert ignorant.gone.wait(30)
    assert ignorant.seen == ["/first"]
