"""The public socket with the real transport behind it, and clients that mean no good."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from grpc import StatusCode, aio
from support import descriptors
from support.endpoint import Endpoint, endpoint
from support.eventually import eventually
from support.raw_http2 import DATA, PREFACE, SETTINGS, RawConnection, frame, message, request

from accredit.agent.limits import Limits

SOON = timedelta(seconds=1)


@pytest.fixture
async def served() -> AsyncIterator[Endpoint]:
    async with endpoint(Limits(first_request=SOON)) as served:
        yield served


def _closed_after(client: socket.socket, data: bytes) -> bool:
    """Send, and read what there is; whether the other side has closed."""
    try:
        client.send(data)
        while client.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def _ask(client: RawConnection, stream: int) -> bytes:
    client.send(request(b"/test.Echo/Who", stream), message(b"", stream))
    return client.next_frame(DATA, stream)


async def test_a_connection_without_a_request_is_closed(served: Endpoint) -> None:
    with RawConnection(served.path) as client:
        assert await asyncio.to_thread(client.closed)
    await eventually(lambda: served.listener.connections.total == 0)


async def test_one_that_drips_its_request_is_closed(served: Endpoint) -> None:
    def drip() -> bool:
        whole = PREFACE + frame(SETTINGS, 0, 0) + request(b"/test.Echo/Who") + message(b"x" * 99)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(served.path))
            client.settimeout(0.05)
            return any(_closed_after(client, bytes((byte,))) for byte in whole)

    assert await asyncio.to_thread(drip)
    async with served.channel() as channel:
        await served.who(channel)


async def test_headers_alone_are_no_request(served: Endpoint) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(RawConnection(served.path)) for _ in range(3)]
        for client, method in zip(clients, (b"Who", b"Watch", b"Chat"), strict=True):
            client.send(request(b"/test.Echo/" + method))
        for client in clients:
            assert await asyncio.to_thread(client.closed)
    await eventually(lambda: served.listener.streams.total == 0)


async def test_one_that_has_asked_may_stay(served: Endpoint) -> None:
    def stay() -> bool:
        with RawConnection(served.path) as client:
            _ask(client, 1)
            client.sock.settimeout(2 * SOON.total_seconds())
            assert not client.closed()
            client.sock.settimeout(60)
            return bool(_ask(client, 3))

    assert await asyncio.to_thread(stay)


async def test_a_user_cannot_have_more_connections_than_its_share() -> None:
    async with endpoint(Limits(connections_per_uid=3)) as served:
        clients = [RawConnection(served.path) for _ in range(3)]
        await asyncio.to_thread(lambda: [_ask(client, 1) for client in clients])
        with pytest.raises((ConnectionError, EOFError)), RawConnection(served.path) as fourth:
            await asyncio.to_thread(_ask, fourth, 1)
        clients.pop().sock.close()
        await eventually(lambda: served.listener.connections.total == 2)
        with RawConnection(served.path) as again:
            await asyncio.to_thread(_ask, again, 1)
        for client in clients:
            client.sock.close()


async def test_a_user_cannot_have_more_streams_than_its_share() -> None:
    async with endpoint(Limits(streams_per_uid=2)) as served, served.channel() as channel:
        streams = [served.watch(channel) for _ in range(2)]
        for stream in streams:
            await stream.read()
        refused = served.watch(channel)
        assert await refused.code() is StatusCode.UNAVAILABLE
        assert "has 2 streams open, as many as it may" in (await refused.details() or "")
        streams[0].cancel()
        await eventually(lambda: served.listener.streams.total == 1)
        assert await served.watch(channel).read()


@pytest.mark.parametrize("spare", [0, 1, 2, 4, 6])
async def test_out_of_descriptors_nobody_is_harmed_and_it_goes_on_later(spare: int) -> None:
    async with endpoint() as served, served.channel() as channel:
        stream = served.watch(channel)
        await stream.read()
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        with descriptors.limited_to(descriptors.count() + spare):
            for client in waiting:
                client.connect(str(served.path))
            await eventually(lambda: served.listener._pause is not None)
            served.service.push()
            assert await stream.read()
        await eventually(lambda: served.listener._pause is None)
        async with served.channel() as another:
            await served.who(another)
        for client in waiting:
            client.close()


async def test_waiting_for_a_descriptor_costs_no_processor() -> None:
    async with endpoint() as served:
        with socket.socket(socket.AF_UNIX) as client, descriptors.limited_to(3):
            client.connect(str(served.path))
            await eventually(lambda: served.listener._pause is not None)
            before = sum(os.times()[:2])
            await asyncio.sleep(0.5)
            assert sum(os.times()[:2]) - before < 0.25


_AGENT = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from accredit.agent.limits import Limits
from accredit.agent.listener import Listener
from accredit.agent.transport import GrpcTransport
from accredit.rotation.clock import SystemClock
from support.echo_service import EchoService

async def main(folder):
    transport = GrpcTransport([EchoService()], Limits(), folder / "private")
    listener = Listener(folder / "api.sock", transport, [], Limits(), SystemClock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.run())
        await listener.ready.wait()
        print("ready", flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def _agent(folder: Path) -> subprocess.Popen[str]:
    tests = Path(__file__).parents[1]
    command: list[str | Path] = [sys.executable, "-c", _AGENT, folder, tests]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def test_what_a_killed_agent_leaves_does_not_stop_the_next(tmp_path: Path) -> None:
    for _ in range(3):
        agent = await asyncio.to_thread(_agent, tmp_path)
        async with aio.insecure_channel(f"unix:{tmp_path}/api.sock") as channel:
            ask: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
            assert await ask(b"", timeout=60)
        agent.send_signal(signal.SIGKILL)
        await asyncio.to_thread(agent.communicate)
    assert (tmp_path / "api.sock").exists()
    assert len(list((tmp_path / "private").iterdir())) == 1  # that of the last one


async def test_a_second_agent_says_that_there_is_one(tmp_path: Path) -> None:
    first = await asyncio.to_thread(_agent, tmp_path)
    second = await asyncio.to_thread(_agent, tmp_path)
    _, said = await asyncio.to_thread(second.communicate)
    assert "another process is serving here; stop it or choose another path" in said
    assert second.returncode != 0
    with RawConnection(tmp_path / "api.sock") as client:
        await asyncio.to_thread(_ask, client, 1)
    first.kill()
    await asyncio.to_thread(first.communicate)
