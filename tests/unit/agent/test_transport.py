from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from support import descriptors
from support.echo_service import EchoService

from accredit.agent.limits import Limits
from accredit.agent.self_test import Probe, SelfTest
from accredit.agent.transport import GrpcTransport
from accredit.identity.errors import StoreError, UnavailableError


class Lies:
    """A self test of a grpcio that gives these names, one after the other."""

    def __init__(self, *peers: str) -> None:
        self._peers = iter(peers)

    async def peer_of(self, _sock: socket.socket) -> str:
        return next(self._peers)

    def close(self) -> None:
        pass


class Unhappy(GrpcTransport):
    """A transport that finds grpcio changed."""

    async def _prove_peers(self, self_test: SelfTest) -> None:  # noqa: ARG002  that of the base
        await super()._prove_peers(cast("SelfTest", Lies("unix:", "unix:", "unix:")))


@pytest.fixture
async def transport(tmp_path: Path) -> AsyncIterator[GrpcTransport]:
    async with asyncio.TaskGroup() as tasks:
        transport = GrpcTransport([EchoService()], Limits(), tmp_path / "private")
        await transport.start(tasks)
        yield transport
        await transport.stop(timedelta())


async def test_a_start_that_is_cut_short_leaves_nothing_behind(tmp_path: Path) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    for turns in range(6):
        async with asyncio.TaskGroup() as tasks, asyncio.TaskGroup() as others:
            transport = GrpcTransport([EchoService()], Limits(), tmp_path / "private")
            starting = others.create_task(transport.start(tasks))
            for _ in range(turns):
                await asyncio.sleep(0)
            starting.cancel()
            await asyncio.wait([starting])
        assert starting.cancelled()
        del transport, starting
        gc.collect()
        assert list((tmp_path / "private").glob("*")) == [], turns
    assert said == []


@pytest.mark.parametrize(
    "peers",
    [
        ["unix:", "unix:", "unix:"],
        ["unix:/run/private/socket"] * 3,
        ["unix-abstract:accredit-0", "unix-abstract:accredit-1", "unix:"],
        ["ipv4:127.0.0.1:1234"] * 3,
    ],
)
async def test_it_does_not_serve_with_a_grpcio_that_mixes_up_peers(
    transport: GrpcTransport, peers: list[str]
) -> None:
    with pytest.raises(UnavailableError, match="does not name peers as before"):
        await transport._prove_peers(cast("SelfTest", Lies(*peers)))


async def test_it_does_not_serve_when_a_stranger_is_taken_for_a_caller(
    transport: GrpcTransport,
) -> None:
    with pytest.raises(UnavailableError, match="does not name peers as before"):
        await transport._prove_peers(cast("SelfTest", _Echo(transport)))


class _Echo:
    """A self test of a grpcio that gives everybody the name of a live connection."""

    def __init__(self, transport: GrpcTransport) -> None:
        self._transport = transport

    async def peer_of(self, sock: socket.socket) -> str:
        live = self._transport._live
        names = [name for name, probe in live.items() if cast("Probe", probe).ours is sock]
        return f"unix-abstract:{(names or list(live))[0]}"

    def close(self) -> None:
        pass


async def test_a_failed_proof_leaves_nothing(tmp_path: Path) -> None:
    transport = Unhappy([], Limits(), tmp_path)
    async with asyncio.TaskGroup() as tasks:
        with pytest.raises(UnavailableError, match="does not name peers as before"):
            await transport.start(tasks)
    assert list(tmp_path.iterdir()) == []


async def test_a_path_grpcio_cannot_listen_on_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    transport = GrpcTransport([], Limits(), tmp_path)
    async with asyncio.TaskGroup() as tasks:
        with pytest.raises(StoreError, match="others may write here; chmod 0700"):
            await transport.start(tasks)


async def test_a_connection_that_cannot_be_carried_is_not_remembered(
    transport: GrpcTransport,
) -> None:
    probe = Probe()
    with probe.ours, probe.sock, descriptors.limited_to(3):
        with pytest.raises(OSError, match="Too many open files"):
            transport.adopt(probe)
        assert transport._live == {}
    Path(transport._address).unlink()
    probe = Probe()
    with probe.ours, probe.sock:
        with pytest.raises(FileNotFoundError):
            transport.adopt(probe)
        assert transport._live == {}


async def test_odd_characters_in_the_path_are_no_trouble(tmp_path: Path) -> None:
    transport = GrpcTransport([], Limits(), tmp_path / "50% #1 ?")
    async with asyncio.TaskGroup() as tasks:
        await transport.start(tasks)
        await transport.stop(timedelta())


async def test_it_breaks_when_grpcio_ends_by_itself(transport: GrpcTransport) -> None:
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(_failure_of(transport))
        await asyncio.sleep(0)
        await transport._server.shutdown(0)
    assert str(serving.result()) == "grpcio has stopped serving"


async def _failure_of(transport: GrpcTransport) -> RuntimeError | None:
    try:
        await transport.serve()
    except RuntimeError as error:
        return error
    return None


async def test_waiting_for_that_does_not_hinder_the_end(transport: GrpcTransport) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await transport.serve()
