from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.fake_workload import FakeCaller, FakeWorkload
from support.running import quiet

from accredit.agent.http_carrier import HttpCarrier
from accredit.agent.jwks import Document
from accredit.agent.limits import Limits
from accredit.attestation.workload import Workload
from accredit.identity.errors import (
    AccreditError,
    AttestationError,
    NotEntitledError,
    NotFoundError,
    UnavailableError,
)

SECOND = timedelta(seconds=1)


class Documents:
    """One document everywhere, unless told to fail, hang or be a bug."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[str] = []
        self.error: Exception | None = None

    async def find(self, target: str, workload: Workload) -> Document:
        await workload.evidence()
        self.asked.append(target)
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return Document("application/json", b'{"keys":[]}')


class Connection:
    """What the listener would count."""

    def __init__(self) -> None:
        self.client, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        self.client.setblocking(False)
        self.workload: FakeWorkload = FakeWorkload(caller=FakeCaller())
        self.streams = self.requests = self.ends = 0
        self.full = False

    def stream_began(self) -> None:
        if self.full:
            raise UnavailableError("uid 1 has 7 streams open, as many as it may")
        self.streams += 1

    def came(self, count: int) -> None:
        raise AssertionError(count)

    def asked(self, count: int) -> None:
        assert count == 0
        self.requests += 1

    def stream_ended(self) -> None:
        self.streams -= 1

    def ended(self) -> None:
        assert self.sock.fileno() >= 0
        self.ends += 1

    async def hear(self, until: bytes = b"\r\n\r\n") -> str:
        """Return what is said, up to the end of the connection or ``until``."""
        loop, heard = asyncio.get_running_loop(), b""
        async with asyncio.timeout(30):
            while until not in heard and (piece := await loop.sock_recv(self.client, 1 << 16)):
                heard += piece
        return heard.decode()

    async def ask(self, line: str = "GET /td HTTP/1.1", *headers: str) -> str:
        said = "\r\n".join([line, "host: x", *headers, "", ""])
        self.client.sendall(said.encode())
        return await self.hear()

    async def closed(self) -> bool:
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                while await asyncio.get_running_loop().sock_recv(self.client, 1 << 16):
                    pass
        await quiet()
        return self.ends == 1 and self.sock.fileno() < 0


class Bench:
    def __init__(self, **limits: object) -> None:
        self.documents = Documents()
        made = Limits(**limits)  # type: ignore[arg-type]
        self.carrier = HttpCarrier(self.documents, made, FakeClock())
        self.clients: list[socket.socket] = []

    def connect(self) -> Connection:
        connection = Connection()
        self.clients.append(connection.client)
        self.close = self.carrier.adopt(connection)
        return connection

    def hang_up(self) -> None:
        for client in self.clients:
            client.close()


@asynccontextmanager
async def bench(**limits: object) -> AsyncIterator[Bench]:
    made = Bench(**limits)
    async with asyncio.TaskGroup() as tasks:
        await made.carrier.start(tasks)
        serving = tasks.create_task(made.carrier.serve())
        yield made
        serving.cancel()
        await made.carrier.stop(SECOND)
    made.hang_up()


async def test_a_document_is_answered_with_what_caches_need() -> None:
    async with bench() as it:
        connection = it.connect()
        answer = await connection.ask()
        assert answer.startswith("HTTP/1.1 200 OK\r\n")
        assert "content-type: application/json\r\n" in answer
        assert "cache-control: no-cache\r\n" in answer
        assert "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n" in answer
        etag = answer.partition("etag: ")[2].partition("\r\n")[0]
        assert answer.endswith('\r\n\r\n{"keys":[]}')
        again = await connection.ask("GET /td HTTP/1.1", f"if-none-match: {etag}")
        assert again.startswith("HTTP/1.1 304 Not Modified\r\n")
        assert again.endswith("\r\n\r\n")
        head = await connection.ask("HEAD /td HTTP/1.1")
        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert head.endswith("content-length: 11\r\n\r\n")
        assert it.documents.asked == ["/td"] * 3
        assert (connection.requests, connection.streams, connection.ends) == (3, 0, 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get"])
async def test_other_methods_are_refused_and_end_the_connection(method: str) -> None:
    async with bench() as it:
        connection = it.connect()
        answer = await connection.ask(f"{method} /td HTTP/1.1")
        assert answer.startswith("HTTP/1.1 405 Method Not Allowed\r\n")
        assert "allow: GET, HEAD\r\n" in answer
        assert "connection: close\r\n" in answer
        assert await connection.closed()
        assert it.documents.asked == []


async def test_what_is_no_request_is_refused_and_ends_the_connection() -> None:
    async with bench(header_bytes=200) as it:
        for said, status in (("nonsense", 400), ("GET /" + "x" * 500 + " HTTP/1.1", 431)):
            connection = it.connect()
            answer = await connection.ask(said)
            assert answer.startswith(f"HTTP/1.1 {status} ")
            assert answer.endswith("\r\n\r\nthis is no HTTP/1.1 request\n")
            assert await connection.closed()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("no such thing"), 404),
        (NotEntitledError("no such thing"), 403),
        (AttestationError("no such thing"), 403),
        (UnavailableError("no such thing"), 503),
        (AccreditError("no such thing"), 500),
    ],
)
async def test_a_refusal_is_one_line_and_the_connection_goes_on(
    error: Exception, status: int
) -> None:
    async with bench() as it:
        it.documents.error = error
        connection = it.connect()
        for _ in range(2):
            answer = await connection.ask()
            assert answer.startswith(f"HTTP/1.1 {status} ")
            assert answer.endswith("\r\n\r\nno such thing\n")
        assert (connection.streams, connection.ends) == (0, 0)


async def test_a_bug_costs_one_connection_and_tells_nobody_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as it:
        it.documents.error = ValueError("secret")
        connection = it.connect()
        assert (await connection.ask()).endswith("\r\n\r\ninternal error\n")
        assert await connection.closed()
        it.documents.error = None
        assert (await it.connect().ask()).startswith("HTTP/1.1 200")
    (record,) = caplog.records
    assert vars(record)["error"] == "ValueError"
    assert "secret" not in caplog.text


async def test_a_caller_that_is_not_who_it_was_is_refused_before_and_after() -> None:
    async with bench() as it:
        connection = it.connect()
        await connection.ask()
        it.documents.open.clear()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(connection.ask())
            await quiet()
            connection.workload.caller.alive = False
            it.documents.open.set()
        assert asking.result().startswith("HTTP/1.1 403 ")
        assert (await connection.ask()).startswith("HTTP/1.1 403 ")
        assert it.documents.asked == ["/td"] * 2


async def test_a_user_with_too_many_requests_is_told_to_wait() -> None:
    async with bench() as it:
        connection = it.connect()
        connection.full = True
        assert (await connection.ask()).startswith("HTTP/1.1 503 ")
        assert connection.streams == 0


async def test_a_connection_that_asks_nothing_is_closed() -> None:
    async with bench(first_request=timedelta(milliseconds=20)) as it:
        silent, half = it.connect(), it.connect()
        half.client.sendall(b"GET / HT")
        assert await silent.closed()
        assert await half.closed()


async def test_a_connection_can_be_closed_from_here_even_before_it_began() -> None:
    async with bench() as it:
        connection = it.connect()
        it.close()
        assert await connection.closed()
        started = it.connect()
        await quiet()
        it.close()
        assert await started.closed()
        assert it.carrier._open == {}


async def test_who_sends_without_a_pause_lets_others_have_a_turn() -> None:
    async with bench() as it:
        greedy, other = it.connect(), it.connect()
        greedy.client.sendall(b"GET /greedy HTTP/1.1\r\nhost: x\r\n\r\n" * 300)
        other.client.sendall(b"GET /other HTTP/1.1\r\nhost: x\r\n\r\n")
        await other.hear()
        assert it.documents.asked.index("/other") < 10


async def test_stopping_ends_who_waits_and_lets_answers_finish() -> None:
    it = Bench()
    async with asyncio.TaskGroup() as tasks:
        await it.carrier.start(tasks)
        idle, busy = it.connect(), it.connect()
        it.documents.open.clear()
        asking = tasks.create_task(busy.ask())
        await quiet()
        stopping = tasks.create_task(it.carrier.stop(5 * SECOND))
        assert await idle.closed()
        assert not stopping.done()
        it.documents.open.set()
        answer = await asking
        assert answer.startswith("HTTP/1.1 200")
        assert "connection: close" in answer
        assert await busy.closed()
        await stopping
    it.hang_up()


async def test_stopping_does_not_wait_for_ever() -> None:
    it = Bench()
    async with asyncio.TaskGroup() as tasks:
        await it.carrier.start(tasks)
        busy = it.connect()
        it.documents.open.clear()
        busy.client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await quiet()
        await it.carrier.stop(SECOND / 100)
        assert await busy.closed()
    it.hang_up()
