from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from google.protobuf.message import DecodeError
from support.fake_workload import FakeWorkload

from accredit.agent.calls import OK, Status, serve
from accredit.agent.seam import Connection
from accredit.identity.errors import AttestationError, NotEntitledError, UnavailableError
from accredit.rotation.delivery import Call, Method, Shape

SECRET = "the private key"


class FakeConnection:
    """Counts its streams, up to a ``most``."""

    def __init__(self, most: int = 10) -> None:
        self.workload = FakeWorkload()
        self.streams = 0
        self._most = most

    def stream_began(self) -> None:
        if self.streams == self._most:
            raise UnavailableError("uid 1000 has 10 streams open, as many as it may")
        self.streams += 1

    def stream_ended(self) -> None:
        self.streams -= 1


class Bench:
    """Serves one request after the other, and keeps what is answered."""

    def __init__(self) -> None:
        self.connection = FakeConnection()
        self.sent: list[bytes] = []
        self.on_send: Callable[[], None] = lambda: None

    async def send(self, message: bytes) -> None:
        self.sent.append(message)
        self.on_send()
        await asyncio.sleep(0)

    async def serve(self, method: Method, *requests: bytes) -> Status:
        connection = cast("Connection", self.connection)
        return await serve(method, connection, _each(requests), {"key": ("value",)}, self.send)


async def _each(requests: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


def _method(handler: Any, shape: Shape = Shape.SERVER_STREAM, decode: Any = bytes) -> Method:
    return Method("Do", shape, decode, handler)


async def echo(requests: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


def _raising(error: Exception | None) -> Any:
    async def handler(_requests: Any, _call: Call) -> AsyncIterator[bytes]:
        if error is not None:
            raise error
        yield b""

    return handler


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_the_method_yields_is_sent(bench: Bench) -> None:
    assert await bench.serve(_method(echo), b"one", b"two") is OK
    assert bench.sent == [b"one", b"two"]
    assert bench.connection.streams == 0


async def test_the_method_is_given_the_caller_and_the_metadata(bench: Bench) -> None:
    async def look(_requests: Any, call: Call) -> AsyncIterator[bytes]:
        assert call.workload is cast("Any", bench.connection.workload)
        assert call.metadata == {"key": ("value",)}
        yield b"looked"

    assert await bench.serve(_method(look)) is OK


async def test_an_error_of_ours_names_its_status(bench: Bench) -> None:
    refuse = _raising(NotEntitledError("no identity for you"))
    status = await bench.serve(_method(refuse))
    assert status == ("PERMISSION_DENIED", "no identity for you")
    assert bench.connection.streams == 0


async def test_details_are_not_endless(bench: Bench) -> None:
    refuse = _raising(NotEntitledError("x" * 100_000))
    assert len((await bench.serve(_method(refuse))).details) == 1000


async def test_what_cannot_be_decoded_is_an_invalid_argument(bench: Bench) -> None:
    def decode(_data: bytes) -> bytes:
        raise DecodeError(SECRET)

    status = await bench.serve(_method(echo, decode=decode), b"garbage")
    assert status == ("INVALID_ARGUMENT", "the request is no message of Do")


async def test_a_bug_costs_one_call_and_tells_nobody_anything(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    fail = _raising(KeyError(SECRET))
    assert await bench.serve(_method(fail)) == ("INTERNAL", "internal error")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert vars(record)["error"] == "KeyError"
    assert "test_calls.py" in vars(record)["where"]
    assert SECRET not in str(vars(record))
    assert bench.connection.streams == 0


async def test_a_dead_caller_is_refused_before_the_method_is_asked(bench: Bench) -> None:
    never = _raising(AssertionError("the method was asked"))
    bench.connection.workload.caller.alive = False
    status = await bench.serve(_method(never))
    assert status == ("PERMISSION_DENIED", "caller 4711 has exited")


@pytest.mark.rows("WC-05")
async def test_one_that_dies_before_its_first_answer_never_gets_it(bench: Bench) -> None:
    async def kill(_requests: Any, _call: Call) -> AsyncIterator[bytes]:
        bench.connection.workload.caller.alive = False
        yield b"an SVID"

    status = await bench.serve(_method(kill))
    assert status == ("PERMISSION_DENIED", "caller 4711 has exited")
    assert bench.sent == []


async def test_too_many_streams_are_refused_and_not_counted(bench: Bench) -> None:
    bench.connection.streams = 10
    status = await bench.serve(_method(echo), b"one")
    assert status == ("UNAVAILABLE", "uid 1000 has 10 streams open, as many as it may")
    assert bench.connection.streams == 10


async def test_the_next_message_is_asked_for_when_the_last_one_has_left(bench: Bench) -> None:
    made = 0

    async def make(_requests: Any, _call: Call) -> AsyncIterator[bytes]:
        nonlocal made
        while made < 3:
            made += 1
            yield b"message"

    ahead: list[int] = []
    bench.on_send = lambda: ahead.append(made - len(bench.sent))
    await bench.serve(_method(make))
    assert ahead == [0, 0, 0]


async def test_a_cancelled_call_leaves_nothing(bench: Bench) -> None:
    closed = []

    async def wait(_requests: Any, _call: Call) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await bench.serve(_method(wait))
    assert closed == [True]
    assert bench.connection.streams == 0


@pytest.mark.parametrize("answers", [0, 2])
async def test_a_method_with_one_answer_that_gives_another_number_is_a_bug(
    bench: Bench, answers: int
) -> None:
    async def answer(_requests: Any, _call: Call) -> AsyncIterator[bytes]:
        for _ in range(answers):
            yield b"answer"

    assert (await bench.serve(_method(answer, Shape.UNARY))).code == "INTERNAL"
    assert bench.sent == [b"answer"] * min(answers, 1)


async def test_an_attestation_that_fails_is_the_callers_affair(bench: Bench) -> None:
    attest = _raising(AttestationError("caller 4711 is gone"))
    assert await bench.serve(_method(attest)) == ("PERMISSION_DENIED", "caller 4711 is gone")
