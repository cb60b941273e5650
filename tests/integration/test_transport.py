"""The transport behind the listener: whom it takes callers for, and what they cannot make it do."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode, aio
from support import descriptors
from support.calling import calling
from support.endpoint import Endpoint, endpoint
from support.eventually import eventually
from support.process_facts import memory
from support.raw_http2 import (
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    SETTINGS,
    RawConnection,
    frame,
    literal,
    message,
    request,
)

from accredit.agent.limits import Limits
from accredit.agent.transport import GrpcTransport
from accredit.identity.errors import StoreError

ME = [str(os.getpid()), str(os.getuid()), str(os.getgid())]
UNKNOWN = "nobody knows who made this connection"


@pytest.fixture
async def served() -> AsyncIterator[Endpoint]:
    async with endpoint() as served:
        yield served


async def _refusal(call: grpc.aio.UnaryUnaryCall[bytes, bytes]) -> tuple[StatusCode, str | None]:
    with pytest.raises(aio.AioRpcError) as refusal:
        await call
    return refusal.value.code(), refusal.value.details()


@pytest.mark.rows("WE-01", "WE-10", "WE-19", "WE-20")
async def test_a_plain_client_without_any_credential_is_known_by_the_kernel(
    served: Endpoint,
) -> None:
    async with served.channel() as channel:
        pid, uid, gid, selectors = await served.who(channel)
    assert [pid, uid, gid] == ME
    assert f"unix:uid:{os.getuid()}" in selectors.split(",")


@pytest.mark.rows("WE-21")
async def test_nothing_a_caller_says_of_itself_counts(served: Endpoint) -> None:
    claims = {"pid": "1", "uid": "0", "x-forwarded-for": "unix-abstract:accredit-1"}
    async with served.channel() as channel:
        ask: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        answer = await ask(b"uid=0", metadata=tuple(claims.items()), timeout=60)
    assert answer.decode().split(" ")[:3] == ME


async def test_every_connection_has_its_own_caller(served: Endpoint) -> None:
    with calling() as child:
        # The child's own connection goes to another socket; so let it make one to ours.
        child.ask("setattr(sys, 'other', socket.socket(socket.AF_UNIX))")
        child.ask(f"sys.other.connect({str(served.path)!r})")
        await eventually(lambda: served.listener.connections.total == 1)
        callers = {each.workload.caller.pid for each in served.transport._live.values()}
        assert callers == {child.process.pid}
        async with served.channel() as channel:
            assert (await served.who(channel))[0] == str(os.getpid())


async def test_streams_of_one_connection_share_their_workload(served: Endpoint) -> None:
    async with served.channel() as channel:
        first, second = served.watch(channel), served.watch(channel)
        assert await first.read() == await second.read()
        assert served.listener.connections.total == 1
        assert served.listener.streams.total == 2


async def test_a_direct_connection_to_grpcio_is_nobody(served: Endpoint) -> None:
    async with aio.insecure_channel(f"unix:{served.inner}") as channel:
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        assert await _refusal(call(b"")) == (StatusCode.PERMISSION_DENIED, UNKNOWN)


async def test_a_direct_connection_with_a_made_up_name_is_nobody(served: Endpoint) -> None:
    await asyncio.to_thread(_refused_by_grpcio, served.inner, "\0accredit-" + "0" * 32)


async def test_the_name_of_a_live_connection_cannot_be_taken(served: Endpoint) -> None:
    async with served.channel() as channel:
        await served.who(channel)
        (name,) = served.transport._live
        with socket.socket(socket.AF_UNIX) as thief, pytest.raises(OSError, match="in use"):
            thief.bind(f"\0{name}")


async def test_the_name_of_a_connection_that_closed_is_worth_nothing(served: Endpoint) -> None:
    async with served.channel() as channel:
        await served.who(channel)
        (name,) = served.transport._live
    await eventually(lambda: not served.transport._live)
    await asyncio.to_thread(_refused_by_grpcio, served.inner, f"\0{name}")


def _refused_by_grpcio(inner: Path, name: str) -> None:
    thief = socket.socket(socket.AF_UNIX)
    thief.bind(name)
    with RawConnection(inner, thief) as client:
        client.send(request(b"/test.Echo/Who"), message(b""))
        assert UNKNOWN.encode() in client.next_frame(HEADERS)


@pytest.mark.rows("WE-26")
async def test_what_is_not_served_is_unimplemented(served: Endpoint) -> None:
    async with served.channel() as channel:
        for path in ("/test.Echo/Other", "/other.Service/Who", "/accredit.SelfTest/Peer"):
            call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
            assert (await _refusal(call(b"")))[0] is StatusCode.UNIMPLEMENTED


async def test_a_path_that_is_not_utf8_does_not_harm_anybody(served: Endpoint) -> None:
    async with served.channel() as channel:
        stream = served.watch(channel)
        await stream.read()

        def attack() -> None:
            with RawConnection(served.path) as client:
                client.send(request(b"/\xff", end=True))
                client.next_frame(HEADERS)

        await asyncio.to_thread(attack)
        served.service.push()
        assert await stream.read() == str(os.getpid()).encode()
        await served.who(channel)


@pytest.mark.parametrize(
    "bad",
    [
        request(b"/test.Echo/Who", 1, literal(b"x", b"\xff")),
        request(b"/test.Echo/Who", 1, literal(b"\xff", b"x")),
        request(b"/test.Echo/Who", 1, literal(b"x-bin", b"!!")),
        request(b"/test.Echo/Who", 1, literal(b"grpc-timeout", b"-1S")),
        request(b"/test.Echo/Who", 1, literal(b"grpc-encoding", b"gzip")),
        request(b"/test.Echo/Who", 2),
        frame(HEADERS, 4, 1, b"\xff" * 100),
        frame(HEADERS, 4, 1, b""),
        frame(DATA, 0, 7, b"x"),
        frame(99, 255, 1, b"x" * 100),
        frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
        b"\xff" * 1000,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_whatever_one_sends_others_are_served(served: Endpoint, bad: bytes) -> None:
    def attack() -> None:
        with RawConnection(served.path) as client:
            client.send(bad, message(b""))
            client.sock.shutdown(socket.SHUT_WR)
            client.closed()

    await asyncio.to_thread(attack)
    async with served.channel() as channel:
        await served.who(channel)
    await eventually(lambda: served.listener.connections.total == 0)


async def test_a_request_larger_than_the_limit_is_refused() -> None:
    async with endpoint(Limits(message_bytes=1000)) as served, served.channel() as channel:
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        assert (await _refusal(call(b"x" * 1001)))[0] is StatusCode.RESOURCE_EXHAUSTED
        await call(b"x" * 1000)


async def test_headers_larger_than_the_limit_are_refused() -> None:
    async with endpoint(Limits(header_bytes=4096)) as served, served.channel() as channel:
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        refused = call(b"", metadata=(("key", "x" * 8000),))
        assert (await _refusal(refused))[0] is StatusCode.RESOURCE_EXHAUSTED
        await call(b"")


async def test_a_compressed_request_is_refused_and_not_unpacked(served: Endpoint) -> None:
    async with served.channel() as channel:
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        bomb = call(b"\0" * 1_000_000, compression=grpc.Compression.Gzip)
        assert (await _refusal(bomb))[0] is StatusCode.UNIMPLEMENTED


async def test_a_keep_alive_as_short_as_any_envoys_is_no_offence(served: Endpoint) -> None:
    def ping() -> None:
        with RawConnection(served.path) as client:
            client.send(request(b"/test.Echo/Watch"), message(b""))
            for _ in range(50):
                client.send(frame(PING, 0, 0, b"12345678"))
                while client.next_frame(PING) != b"12345678":
                    pass  # grpcio's own
            served_more = request(b"/test.Echo/Who", 3) + message(b"", 3)
            client.send(served_more)
            client.next_frame(DATA, 3)

    await asyncio.to_thread(ping)


async def test_a_client_that_never_reads_is_not_written_to_without_end(served: Endpoint) -> None:
    def open_flood() -> RawConnection:
        client = RawConnection(served.path)
        huge = b"\0\4\x7f\xff\xff\xff"  # a window of two gigabytes for each stream
        client.send(frame(SETTINGS, 0, 0, huge), frame(8, 0, 0, b"\x7f\xff\0\0"))
        client.send(request(b"/test.Echo/Flood"), message(b""))
        return client

    before = memory(os.getpid())
    with await asyncio.to_thread(open_flood):
        await eventually(lambda: served.service.open_streams == 1)
        await asyncio.sleep(0.3)
        assert memory(os.getpid()) - before < 32 << 20
        async with served.channel() as channel:
            await served.who(channel)
    await eventually(lambda: served.service.open_streams == 0)


async def test_messages_that_never_end_are_bounded_for_each_user() -> None:
    limits = Limits(message_bytes=1 << 20, request_bytes_per_uid=1 << 20)
    async with endpoint(limits) as served:

        def fill() -> None:
            with RawConnection(served.path) as client:
                begun = b"\0\0\x0f\0\0" + b"x" * 16_000
                for stream in range(1, 401, 2):
                    client.send(request(b"/test.Echo/Watch", stream), frame(DATA, 0, stream, begun))

        with pytest.raises(ConnectionError):
            await asyncio.to_thread(fill)
        await eventually(lambda: served.listener.request_bytes.total == 0)
        async with served.channel() as channel:
            await served.who(channel)


@pytest.mark.rows("WC-08", "WC-20")
async def test_ten_thousand_cancelled_streams_leave_nothing(served: Endpoint) -> None:
    async def open_and_cancel(channel: aio.Channel) -> None:
        call = served.watch(channel)
        await call.read()
        call.cancel()

    async def rounds(count: int) -> None:
        for _ in range(count):
            async with asyncio.TaskGroup() as tasks:
                for _ in range(50):
                    tasks.create_task(open_and_cancel(channel))

    async with served.channel() as channel:
        await rounds(40)
        await eventually(lambda: served.service.open_streams == 0)
        files, used = descriptors.count(), memory(os.getpid())
        await rounds(160)
        await eventually(lambda: served.service.open_streams == 0)
        await eventually(lambda: served.listener.streams.total == 0)
        assert descriptors.count() <= files
        assert memory(os.getpid()) - used < 8 << 20


@pytest.mark.rows("WC-20")
async def test_a_thousand_broken_connections_leave_nothing(served: Endpoint) -> None:
    def connect_and_leave(times: int) -> None:
        for _ in range(times):
            with RawConnection(served.path) as client:
                client.send(request(b"/test.Echo/Watch"), message(b""))
                client.next_frame(DATA)

    def gone() -> bool:
        return not served.listener.connections.total and not served.service.open_streams

    await asyncio.to_thread(connect_and_leave, 100)
    await eventually(gone)
    files = descriptors.count()
    await asyncio.to_thread(connect_and_leave, 1000)
    await eventually(gone)
    await eventually(lambda: descriptors.count() <= files)
    assert served.transport._live == {}


async def test_stopping_ends_streams_with_unavailable_and_says_goaway() -> None:
    async with endpoint(Limits(drain=timedelta(seconds=5))) as served:
        client = await asyncio.to_thread(_watching, served.path)
        channel = served.channel()
        stream = served.watch(channel)
        await stream.read()
    with client:
        assert await stream.code() is StatusCode.UNAVAILABLE
        assert await stream.details() == "the agent is stopping"
        assert await asyncio.to_thread(client.next_frame, GOAWAY)
    await channel.close()


def _watching(path: Path) -> RawConnection:
    client = RawConnection(path)
    client.send(request(b"/test.Echo/Watch"), message(b""))
    client.next_frame(DATA)
    return client


async def test_an_answer_in_flight_is_waited_for() -> None:
    async with endpoint(Limits(drain=timedelta(seconds=10))) as served:
        channel = served.channel()
        slow: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Slow")
        call = slow(b"in flight")
        await eventually(lambda: served.listener.streams.total == 1)
        asyncio.get_running_loop().call_later(0.1, served.service.push)
    assert await call == b"in flight"
    await channel.close()


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    async with endpoint(Limits(drain=timedelta(milliseconds=100))) as served:
        channel = served.channel()
        slow: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Slow")
        call = slow(b"in flight")
        await eventually(lambda: served.listener.streams.total == 1)
    assert (await _refusal(call))[0] is StatusCode.UNAVAILABLE
    await channel.close()


async def test_nothing_is_left_of_it() -> None:
    files = descriptors.count()
    async with endpoint() as served, served.channel() as channel:
        await served.who(channel)
    assert list(served.private.glob("*")) == []
    await eventually(lambda: descriptors.count() <= files + 8)  # grpcio's own stay


async def test_a_private_folder_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    transport = GrpcTransport([], Limits(), tmp_path)
    async with asyncio.TaskGroup() as tasks:
        with pytest.raises(StoreError, match="others may write here"):
            await transport.start(tasks)
