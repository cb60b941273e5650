"""Whatever bytes one caller sends or leaves unread, the others are served."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress

import grpc
import pytest
from support import process_facts
from support.agent_process import AgentProcess
from support.eventually import wait_until
from support.hostile import asking
from support.hostile.agent import (
    memory_back,
    nothing_left_open,
    open_to_all,
    require_served,
)
from support.hostile.asking import RefusedError
from support.hostile.channel import channel
from support.hostile.puppet import connected
from support.raw_http2 import (
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    RawConnection,
    frame,
    literal,
    message,
    request,
)

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - {{id: /mine, selectors: ["unix:uid:{os.geteuid()}"]}}
"""
_MEBIBYTE = 1 << 20
Stream = Generator[list[str], None, None]
_CONTINUATION = 9
_BEGIN = PREFACE + frame(SETTINGS, 0, 0)
_HEADER = literal(b"workload.spiffe.io", b"true")
_FETCH = b"/SpiffeWorkloadAPI/FetchX509SVID"
_STREAM = b"/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets"
_FIELD = literal(b"x-much", b"x" * 100)


def _long_headers(pieces: int) -> bytes:
    more = b"".join(frame(_CONTINUATION, 0, 1, _FIELD * 100) for _ in range(pieces))
    begin = request(_FETCH, 1, _HEADER, _FIELD * 50)
    begin = begin[:4] + bytes([begin[4] & ~END_HEADERS]) + begin[5:]
    return begin + more


_HOSTILE = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "noise": random.Random(1).randbytes(1 << 18),
    "noise in frames": _BEGIN + random.Random(2).randbytes(1 << 18),
    "frames of unknown kinds": _BEGIN + frame(99, 255, 7, bytes(1000)) * 200,
    "headers without an end": _BEGIN + _long_headers(200),
    "long headers": _BEGIN + _long_headers(2) + frame(_CONTINUATION, END_HEADERS, 1, _FIELD),
    "a bomb of headers": _BEGIN
    + frame(HEADERS, END_HEADERS, 1, b"\x40" + _FIELD[1:] + b"\xbe" * 16000),
    "a message said to be huge": _BEGIN
    + request(_FETCH, 1, _HEADER)
    + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + bytes(10_000)),
    "many pings": _BEGIN + frame(PING, 0, 0, bytes(8)) * 20_000,
    "many settings": _BEGIN + frame(SETTINGS, 0, 0) * 20_000,
    "two thousand streams": _BEGIN
    + b"".join(request(_STREAM, 2 * each + 1) for each in range(2000)),
    "two thousand requests": _BEGIN
    + b"".join(
        request(_FETCH, 2 * each + 1, _HEADER) + message(b"", 2 * each + 1) for each in range(2000)
    ),
}


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(_CONFIG) as running:
        yield running


@pytest.mark.parametrize("sent", _HOSTILE.values(), ids=_HOSTILE)
def test_others_are_served_while_callers_send(agent: AgentProcess, sent: bytes) -> None:
    with nothing_left_open(agent):
        suffer(agent, sent)  # what the allocator keeps for the next time is kept once
        with memory_back(agent, 64 * _MEBIBYTE):
            suffer(agent, sent)
    assert "Traceback" not in agent.log.read_text()


def suffer(agent: AgentProcess, sent: bytes) -> None:
    with ExitStack() as hostile:
        for _ in range(3):
            hostile.enter_context(say(agent, sent))  # and reads nothing
            require_served(agent)
        assert process_facts.memory(agent.pid) < 400 * _MEBIBYTE


def say(agent: AgentProcess, sent: bytes) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(agent.socket))
    sock.settimeout(0.2)
    with suppress(OSError):  # it takes no more, or has had enough
        sock.sendall(sent)
    return sock


@pytest.mark.parametrize("sent", [_HOSTILE["two thousand requests"], _BEGIN + request(_FETCH, 1)])
def test_others_are_served_while_a_caller_sends_byte_by_byte(
    agent: AgentProcess, sent: bytes
) -> None:
    with nothing_left_open(agent), say(agent, b"") as sock:
        for number in range(0, 60, 3):
            sock.sendall(sent[number : number + 3])
            require_served(agent)


def test_a_connection_has_only_so_many_streams(agent: AgentProcess) -> None:
    with RawConnection(agent.socket) as hostile:
        for each in range(2000):
            hostile.send(request(_STREAM, 2 * each + 1))
        refused = 0
        with suppress(EOFError):
            while refused < 1000:
                hostile.next_frame(3)  # RST_STREAM
                refused += 1
        require_served(agent)


@pytest.mark.rows("WC-20")
def test_streams_that_were_cancelled_count_no_more() -> None:
    with (
        open_to_all(f"{_CONFIG}limits: {{streams_per_uid: 20}}\n") as agent,
        connected(agent.socket) as (_, sock),
        channel(sock) as speaking,
    ):
        for _ in range(3):
            streams: list[Stream] = []
            # Those of before go one by one.
            wait_until(lambda held=streams: opens(speaking, held, 20))  # type: ignore[misc]
            with pytest.raises(RefusedError, match=r"UNAVAILABLE: uid \d+ has 20 streams open"):
                asking.x509(speaking)
            for stream in streams:
                stream.close()


def opens(speaking: grpc.Channel, held: list[Stream], wanted: int) -> bool:
    """Add answered streams to ``held`` up to so many; tell whether they could all be had."""
    while len(held) < wanted:
        stream = asking.watch(speaking, seconds=100)
        try:
            next(stream)
        except RefusedError:
            return False
        held.append(stream)
    return True
