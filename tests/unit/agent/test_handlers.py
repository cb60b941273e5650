from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode, aio
from support.echo_service import EchoService
from support.eventually import eventually
from support.fake_workload import FakeWorkload
from support.running import quiet

from accredit.agent.grpcio import RegisteredOnly
from accredit.agent.handlers import Handlers
from accredit.agent.seam import Connection
from accredit.identity.errors import AttestationError, UnavailableError


class FakeConnection:
    """Counts what it is told; ``known`` is whether grpcio's peer is a caller of ours."""

    sock = None

    def __init__(self) -> None:
        self.workload = FakeWorkload()
        self.known = True
        self.streams = 0
        self.asked_bytes = 0
        self.full = False

    def stream_began(self) -> None:
        if self.full:
            raise UnavailableError("too many streams")
        self.streams += 1

    def stream_ended(self) -> None:
        self.streams -= 1

    def asked(self, count: int) -> None:
        self.asked_bytes += count


class Bench:
    def __init__(self, path: Path) -> None:
        self.connection: Any = FakeConnection()
        self.service = EchoService()
        self.handlers = Handlers([self.service], self._find)
        self.channel = aio.insecure_channel(f"unix:{path}")

    def _find(self, _peer: str) -> Connection:
        if not self.connection.known:
            raise AttestationError("nobody knows who made this connection")
        found: Connection = self.connection
        return found

    async def ask(self, method: str, request: bytes = b"") -> tuple[StatusCode, str | bytes]:
        """Return the code of one call with its details, or with its answer."""
        call: aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = self.channel.unary_unary(f"/test.Echo/{method}")
        try:
            return StatusCode.OK, await call(request, timeout=5)
        except aio.AioRpcError as error:
            return error.code(), error.details() or ""

    def watch(self) -> aio.UnaryStreamCall[bytes, bytes]:
        start: aio.UnaryStreamMultiCallable[bytes, bytes]
        start = self.channel.unary_stream("/test.Echo/Watch")
        return start(b"hello")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "s")
    async with asyncio.TaskGroup() as tasks:
        server = RegisteredOnly(tasks, bench.handlers.by_path, [])
        server.add_insecure_port(f"unix:{tmp_path}/s".encode())
        await server.start()
        async with bench.channel:
            yield bench
        await server.shutdown(5)


async def test_one_request_has_one_answer(bench: Bench) -> None:
    code, answer = await bench.ask("Who", b"hello")
    assert (code, answer) == (StatusCode.OK, b"4711 1000 1000 unix:uid:1000")
    assert bench.connection.asked_bytes == len(b"hello")
    assert bench.connection.streams == 0


async def test_one_request_has_many_answers(bench: Bench) -> None:
    call = bench.watch()
    assert await call.read() == b"4711"
    bench.service.push()
    assert await call.read() == b"4711"
    assert bench.connection.streams == 1


async def test_many_requests_have_many_answers(bench: Bench) -> None:
    start: aio.StreamStreamMultiCallable[bytes, bytes]
    start = bench.channel.stream_stream("/test.Echo/Chat")
    call = start()
    for word in (b"one", b"two", b"three"):
        await call.write(word)
        assert await call.read() == word
    await call.done_writing()
    assert await call.code() is StatusCode.OK
    assert bench.connection.asked_bytes == len(b"onetwothree")
    assert bench.connection.streams == 0


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"refuse", (StatusCode.PERMISSION_DENIED, "no identity for you")),
        (b"garbage", (StatusCode.INVALID_ARGUMENT, "garbage")),
        (b"bug", (StatusCode.INTERNAL, "internal error")),
    ],
)
async def test_how_a_call_failed_is_told(
    bench: Bench, request_: bytes, expected: tuple[StatusCode, str]
) -> None:
    assert await bench.ask("Fail", request_) == expected


async def test_a_peer_that_is_no_caller_of_ours_is_refused(bench: Bench) -> None:
    bench.connection.known = False
    refusal = (StatusCode.PERMISSION_DENIED, "nobody knows who made this connection")
    assert await bench.ask("Who") == refusal
    assert await bench.watch().code() is StatusCode.PERMISSION_DENIED


async def test_too_many_streams_are_unavailable(bench: Bench) -> None:
    bench.connection.full = True
    assert await bench.ask("Who") == (StatusCode.UNAVAILABLE, "too many streams")


async def test_metadata_is_passed_on_as_text(bench: Bench) -> None:
    call: aio.UnaryUnaryMultiCallable[bytes, bytes]
    call = bench.channel.unary_unary("/test.Echo/Metadata")
    metadata = (("key", "one"), ("key", "two"), ("raw-bin", b"\xff"))
    seen = (await call(b"", metadata=metadata, timeout=5)).decode().splitlines()
    assert "key=one,two" in seen
    assert not [line for line in seen if "bin" in line]


@pytest.mark.rows("WC-08", "WC-20")
async def test_a_stream_its_client_cancels_leaves_nothing(bench: Bench) -> None:
    call = bench.watch()
    await call.read()
    call.cancel()
    await eventually(lambda: not bench.service.open_streams and not bench.connection.streams)


async def test_stopping_ends_streams_and_lets_single_answers_finish(bench: Bench) -> None:
    stream = bench.watch()
    await stream.read()
    async with asyncio.TaskGroup() as tasks:
        single = tasks.create_task(bench.ask("Slow", b"in flight"))
        await eventually(lambda: bench.connection.streams == 2)
        stopping = tasks.create_task(bench.handlers.stop(timedelta(seconds=10)))
        assert await stream.code() is StatusCode.UNAVAILABLE
        assert await stream.details() == "the agent is stopping"
        await quiet()
        assert not single.done()
        assert not stopping.done()
        bench.service.push()
    assert single.result() == (StatusCode.OK, b"in flight")


async def test_nothing_new_begins_once_it_stops(bench: Bench) -> None:
    await bench.handlers.stop(timedelta())
    assert await bench.ask("Who") == (StatusCode.UNAVAILABLE, "the agent is stopping")
    assert await bench.watch().code() is grpc.StatusCode.UNAVAILABLE
