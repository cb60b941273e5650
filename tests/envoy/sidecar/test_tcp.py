"""Connections that are not HTTP: apps that speak first and must not hear of strangers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from support.ca import TestCa
from support.eventually import wait_until
from support.sidecar import app, caller, line_app, pair
from support.sidecar.world import FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol


@dataclass
class Greeter:
    """An app that speaks first and counts who came."""

    came: int = 0
    left: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def talk(self, sock: socket.socket) -> None:
        self.came += 1
        line_app.greet(sock)
        self.left.release()


@pytest.fixture(scope="module")
def greeter() -> Greeter:
    return Greeter()


@pytest.fixture(scope="module")
def way(world: World, greeter: Greeter) -> Iterator[pair.Pair]:
    at = free_port()
    with (
        app.serving(at, greeter.talk),
        pair.running(world, "greeter", at, protocol=Protocol.TCP) as found,
    ):
        yield found


def test_an_app_that_speaks_first_is_heard_at_once(way: pair.Pair) -> None:
    with app.connect(way.front) as sock:
        stream = sock.makefile("rb")
        assert stream.readline() == line_app.GREETING
        sock.sendall(b"hello\n")
        assert stream.readline() == b"you said hello\n"


def test_one_side_may_end_its_half_and_still_hear_the_other(way: pair.Pair) -> None:
    with app.connect(way.front) as sock:
        sock.sendall(b"last words\n")
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile("rb").read() == line_app.GREETING + b"you said last words\n"


def test_the_app_learns_when_its_caller_leaves(way: pair.Pair, greeter: Greeter) -> None:
    while greeter.left.acquire(blocking=False):
        pass
    with app.connect(way.front) as sock:
        assert sock.makefile("rb").readline() == line_app.GREETING
    assert greeter.left.acquire(timeout=20)


def test_the_app_never_hears_of_those_whom_tls_refuses(
    world: World, way: pair.Pair, greeter: Greeter
) -> None:
    before = greeter.came
    _be_refused(world, way.mtls)
    _say_nothing(way.mtls)
    certificate = world.pem(world.prod.issue(FRONTEND))
    with caller.connect(way.mtls, certificate) as sock:
        assert sock.makefile("rb").readline() == line_app.GREETING
    wait_until(lambda: greeter.came == before + 1, 60, "only the good caller came")


def _be_refused(world: World, at: Endpoint) -> None:
    stranger = TestCa("prod.example", now=world.now).issue(FRONTEND)
    for issued in (stranger, world.prod.issue(INTRUDER), None):
        certificate = world.pem(issued) if issued else None
        with (
            contextlib.suppress(ConnectionError, ssl.SSLError),
            caller.connect(at, certificate) as sock,
        ):
            assert sock.recv(1) == b""


def _say_nothing(at: Endpoint) -> None:
    with app.connect(at) as sock:
        sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            assert sock.recv(1) == b""
