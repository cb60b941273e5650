from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from accredit.agent.http_talk import Answer, ProtocolError, Request, SocketWire, Talk

_GET = b"GET /td HTTP/1.1\r\nHost: x\r\n\r\n"
_TEXT = (("content-type", "text/plain"),)
_OK = Answer(200, _TEXT, b"hello")


class Pair:
    """Our end as the server reads it, and the other as a client."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair()
        self.server.setblocking(False)
        self.client.settimeout(5)

    def talk(self, patience: float = 5, header_bytes: int = 1000) -> Talk:
        return Talk(SocketWire(self.server), patience, header_bytes)

    def heard(self) -> bytes:
        return self.client.recv(1 << 16)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.client.close()
    made.server.close()


async def test_a_request_is_read_and_answered_and_another_may_follow(pair: Pair) -> None:
    talk = pair.talk()
    for _ in range(3):
        pair.client.sendall(_GET)
        assert await talk.request() == Request("GET", "/td")
        assert await talk.say(_OK)
        assert pair.heard() == (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
        )


async def test_requests_that_come_together_are_answered_one_after_the_other(pair: Pair) -> None:
    talk = pair.talk()
    pair.client.sendall(_GET * 3)
    for _ in range(3):
        assert await talk.request()
        assert await talk.say(_OK)
    assert pair.heard().count(b"hello") == 3


async def test_a_request_may_come_in_pieces(pair: Pair) -> None:
    talk = pair.talk()
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(talk.request())
        for byte in _GET:
            pair.client.sendall(bytes([byte]))
            await asyncio.sleep(0)
    assert reading.result() == Request("GET", "/td")


async def test_what_a_client_has_already_is_read(pair: Pair) -> None:
    pair.client.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: "abc"\r\n\r\n')
    assert await pair.talk().request() == Request("GET", "/", '"abc"')


@pytest.mark.parametrize(
    ("request_line", "status"), [(b"HEAD / HTTP/1.1", 200), (b"GET / HTTP/1.1", 304)]
)
async def test_an_answer_without_a_body_still_tells_its_length(
    pair: Pair, request_line: bytes, status: int
) -> None:
    talk = pair.talk()
    for _ in range(2):
        pair.client.sendall(request_line + b"\r\nHost: x\r\n\r\n")
        await talk.request()
        assert await talk.say(Answer(status, _TEXT, b"hello"))
        assert pair.heard().endswith(b"content-length: 5\r\n\r\n")


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
)
async def test_a_client_that_will_close_is_not_waited_for(pair: Pair, said: bytes) -> None:
    talk = pair.talk()
    pair.client.sendall(said)
    assert await talk.request()
    assert not await talk.say(_OK)
    assert b"close" in pair.heard().lower()


async def test_an_answer_that_closes_says_so(pair: Pair) -> None:
    talk = pair.talk()
    pair.client.sendall(_GET)
    await talk.request()
    assert not await talk.say(Answer(200, _TEXT, b"", close=True))
    assert b"connection: close" in pair.heard()


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x02\x00garbage", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n bad\r\n: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * 2000, 431),
        (b"GET /" + b"x" * 2000, 431),
    ],
)
async def test_what_is_no_request_is_refused_and_closed(
    pair: Pair, said: bytes, status: int
) -> None:
    talk = pair.talk()
    pair.client.sendall(said)
    with pytest.raises(ProtocolError) as caught:
        await talk.request()
    assert caught.value.status == status
    assert not await talk.say(Answer(status, _TEXT, b"no", close=True))
    assert pair.heard().startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_client_that_ends_before_or_between_requests_is_no_error(pair: Pair) -> None:
    talk = pair.talk()
    pair.client.sendall(_GET)
    await talk.request()
    await talk.say(_OK)
    pair.client.shutdown(socket.SHUT_WR)
    assert await talk.request() is None


async def test_a_client_that_ends_within_a_request_is_refused(pair: Pair) -> None:
    pair.client.sendall(_GET[:-4])
    pair.client.shutdown(socket.SHUT_WR)
    with pytest.raises(ProtocolError, match="no HTTP"):
        await pair.talk().request()


@pytest.mark.parametrize("said", [b"", _GET[:10], _GET[:-2]])
async def test_a_request_that_does_not_come_is_not_waited_for(pair: Pair, said: bytes) -> None:
    pair.client.sendall(said)
    with pytest.raises(TimeoutError):
        await pair.talk(patience=0.01).request()


async def test_a_client_that_takes_no_answers_is_not_waited_for(pair: Pair) -> None:
    talk = pair.talk(patience=0.05)
    pair.client.sendall(_GET)
    await talk.request()
    with pytest.raises(TimeoutError):
        await talk.say(Answer(200, _TEXT, bytes(1 << 24)))


@pytest.mark.parametrize("sent", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*"])
def test_a_version_is_found_among_those_the_other_side_has(sent: str) -> None:
    assert Request("GET", "/", sent).has('"a"')


@pytest.mark.parametrize("sent", ["", '"b"', '"A"', "a", '"b", *'])
def test_a_version_it_does_not_have_is_not_found(sent: str) -> None:
    assert not Request("GET", "/", sent).has('"a"')
