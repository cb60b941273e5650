"""Connections and streams end while the identities that opened them are good."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator

import grpc
import pytest
from support.eventually import wait_until
from support.load import Load
from support.sidecar import app, grpc_app, legacy_app, line_app, pair
from support.sidecar.pair import Pair
from support.sidecar.world import World
from support.sidecar_pair import free_port
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from accredit.envoy.address import Address, Endpoint
from accredit.envoy.sidecar import Protocol

pytestmark = [pytest.mark.slow]

# Connections live for half of it.
_TTL = "  svid_ttl: 4s\n"


@contextlib.contextmanager
def _short(world: World, at: Address, protocol: Protocol, name: str) -> Iterator[Pair]:
    with pair.running(world, name, at, protocol=protocol, inbound=_TTL, outbound=_TTL) as found:
        yield found


def test_http_connections_are_renewed_and_no_request_fails(world: World) -> None:
    at = free_port()
    with (
        app.serving(at, legacy_app.talk),
        _short(world, at, Protocol.HTTP, "short-http") as way,
        Load(way.front.port).running() as load,
    ):
        ended = r"^cluster\.outbound_0\.upstream_cx_max_duration_reached$"
        wait_until(
            lambda: sum(way.caller.stats(ended).values()) >= 3, 60, "connections were renewed"
        )
        wait_until(lambda: min(load.kept.ok, load.fresh.ok) > 20, 60, "more requests")
    assert load.failures == []


def test_a_tcp_connection_ends(world: World) -> None:
    at = free_port()
    with (
        app.serving(at, line_app.talk),
        _short(world, at, Protocol.TCP, "short-tcp") as way,
        app.connect(way.front, 60) as sock,
    ):
        stream = sock.makefile("rb")
        sock.sendall(b"hello\n")
        assert stream.readline() == b"you said hello\n"
        assert stream.readline() == b""
        ended = "max_downstream_connection_duration"
        assert sum([*way.server.stats(ended).values(), *way.caller.stats(ended).values()]) > 0


def test_a_websocket_ends(world: World) -> None:
    def echo(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in socket:
                socket.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            host, port = server.socket.getsockname()
            with (
                _short(world, Endpoint(host, port), Protocol.HTTP, "short-ws") as way,
                connect(f"ws://{way.front}/", ping_interval=None) as socket,
            ):
                socket.send("hello")
                assert socket.recv(20) == "hello"
                with pytest.raises(ConnectionClosed):
                    socket.recv(60)
        finally:
            server.shutdown()
            serving.join()


def test_a_grpc_stream_ends_and_calls_go_on(world: World) -> None:
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with (
        grpc_app.serving() as port,
        _short(world, Endpoint("127.0.0.1", port), Protocol.GRPC, "short-grpc") as way,
        grpc.insecure_channel(str(way.front)) as channel,
    ):
        answers = grpc_app.chat(channel)(iter(said.get, None), timeout=60)
        said.put(b"hello")
        assert next(answers) == b"you said hello"
        calls = 0
        echo = grpc_app.unary(channel, "Echo")
        while answers.is_active() or calls <= 20:
            assert echo(b"meanwhile", timeout=20) == b"meanwhile"
            calls += 1
        said.put(None)
        assert answers.code() is not grpc.StatusCode.OK
        assert echo(b"afterwards", timeout=20) == b"afterwards"
