"""WebSockets through sidecars, over HTTP/1.1 and over HTTP/2."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from support.sidecar import app, caller, pair
from support.sidecar.http1 import read_head
from support.sidecar.pair import Pair
from support.sidecar.world import FRONTEND, World
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from accredit.envoy.address import Endpoint

_BIG = bytes(1024 * 1024)


def _echo(socket: ServerConnection) -> None:
    assert socket.request is not None
    socket.send(socket.request.headers.get("x-forwarded-client-cert", ""))
    for message in socket:
        socket.send(message)


@pytest.fixture(scope="module")
def way(world: World) -> Iterator[Pair]:
    with serve(_echo, "127.0.0.1", 0, max_size=None) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            host, port = server.socket.getsockname()
            with pair.running(world, "ws", Endpoint(host, port)) as found:
                yield found
        finally:
            server.shutdown()
            serving.join()


def _talk(socket: ClientConnection) -> None:
    assert f"URI={FRONTEND}" in str(socket.recv(20))
    for message in ("hello", b"\x00\xff", _BIG):
        socket.send(message)
        assert socket.recv(20) == message


def test_messages_pass_both_ways_from_behind_another_sidecar(way: Pair) -> None:
    with connect(f"ws://127.0.0.1:{way.front.port}/chat?room=1", max_size=None) as socket:
        _talk(socket)
    # Between the sidecars it went over HTTP/2, as RFC 8441 has it.
    assert sum(way.caller.stats(r"outbound_0.upstream_cx_http2_total").values()) > 0


def test_messages_pass_both_ways_from_a_caller_with_a_certificate(world: World, way: Pair) -> None:
    certificate = world.pem(world.prod.issue(FRONTEND))
    with (
        caller.connect(way.mtls, certificate) as tls,
        connect("ws://app/chat", sock=tls, max_size=None) as socket,
    ):
        _talk(socket)


def test_an_app_that_closes_closes_the_whole_way(way: Pair) -> None:
    with connect(f"ws://127.0.0.1:{way.front.port}/") as socket:
        socket.recv(20)
        socket.close(4001, "as told")
        assert (socket.close_code, socket.close_reason) == (4001, "as told")


def test_another_upgrade_is_refused(way: Pair) -> None:
    with app.connect(way.front) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chess\r\n\r\n")
        answer = read_head(sock.makefile("rb"))
    assert answer is not None
    assert answer.status == 403
