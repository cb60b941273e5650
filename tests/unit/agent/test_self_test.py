from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from grpc import aio

from accredit.agent.grpcio import RegisteredOnly
from accredit.agent.self_test import Probe, SelfTest
from accredit.identity.errors import UnavailableError


@pytest.fixture
def self_test() -> SelfTest:
    return SelfTest()


@pytest.fixture
async def path(tmp_path: Path, self_test: SelfTest) -> AsyncIterator[Path]:
    path = tmp_path / "s"
    async with asyncio.TaskGroup() as tasks:
        server = RegisteredOnly(tasks, self_test.by_path, [])
        server.add_insecure_port(f"unix:{path}".encode())
        await server.start()
        yield path
        await server.shutdown(None)


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        yield sock


async def test_a_connection_is_called_by_its_name(
    path: Path, self_test: SelfTest, client: socket.socket
) -> None:
    client.bind("\0accredit-test-name")
    client.connect(str(path))
    assert await self_test.peer_of(client) == "unix-abstract:accredit-test-name"


async def test_one_without_a_name_has_none(
    path: Path, self_test: SelfTest, client: socket.socket
) -> None:
    client.connect(str(path))
    assert not (await self_test.peer_of(client)).startswith("unix-abstract:")


async def test_a_grpcio_that_does_not_answer_is_no_proof(self_test: SelfTest) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(UnavailableError, match="grpcio does not answer its own"):
        await self_test.peer_of(ours, seconds=0.01)


async def test_nobody_else_can_ask(path: Path, self_test: SelfTest) -> None:
    self_test.close()
    async with aio.insecure_channel(f"unix:{path}") as channel:
        ask: aio.UnaryUnaryMultiCallable[bytes, bytes]
        ask = channel.unary_unary("/accredit.SelfTest/Peer")
        with pytest.raises(aio.AioRpcError) as refusal:
            await ask(b"")
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_probe_is_never_served() -> None:
    probe = Probe()
    with probe.sock:
        with pytest.raises(UnavailableError, match="the agent is starting"):
            probe.stream_began()
        with pytest.raises(UnavailableError, match="the agent is starting"):
            _ = probe.workload
        probe.came(1)
        probe.asked(1)
        probe.stream_ended()
        probe.ended()
    assert probe.ours.fileno() == -1
