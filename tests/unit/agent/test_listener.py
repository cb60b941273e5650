from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import descriptors
from support.calling import calling
from support.clock import FakeClock
from support.eventually import eventually
from support.listening import Bench, FakeCarrier, listening
from support.running import quiet, running

from accredit.agent.limits import Limits
from accredit.agent.listener import Listener
from accredit.attestation.caller import KernelCaller
from accredit.attestation.evidence import Evidence
from accredit.identity.errors import StoreError, UnavailableError


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with listening(tmp_path) as bench:
        yield bench


async def test_a_connection_is_handed_on_with_its_caller(bench: Bench) -> None:
    bench.connect()
    await bench.accepted(1)
    (connection,) = bench.connections
    assert connection.workload.caller.pid == os.getpid()
    assert not connection.sock.getblocking()
    assert (bench.listener.connections.total, len(bench.listener.waiting)) == (1, 1)


async def test_whoever_is_connected_is_known_until_the_end(bench: Bench) -> None:
    clients = [bench.connect() for _ in range(3)]
    await bench.accepted(3)
    known = {connection.workload for connection in bench.connections}
    assert set(bench.listener.workloads) == known
    bench.carrier.end(bench.connections[0])
    assert set(bench.listener.workloads) == {each.workload for each in bench.connections} < known
    assert len(clients) == 3


async def test_many_connections_at_once_are_all_accepted(bench: Bench) -> None:
    for _ in range(200):
        bench.connect()
    await bench.accepted(200)


async def test_one_that_ends_is_forgotten(bench: Bench) -> None:
    bench.connect()
    await bench.accepted(1)
    bench.carrier.end(bench.connections[0])
    assert (bench.listener.connections.total, len(bench.listener.waiting)) == (0, 0)


async def test_a_caller_that_has_died_is_refused(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with calling() as child:
        bench.listener._admit(child.sock.dup())
        await bench.accepted(1)
        child.end()
        bench.listener._admit(child.sock.dup())
        await quiet()
        assert len(bench.connections) == 1
    (record,) = caplog.records
    assert record.getMessage() == "connections refused"
    assert f"caller {child.process.pid} has exited" in vars(record)["error"]


async def test_a_busy_carrier_costs_the_new_connection_only(bench: Bench) -> None:
    bench.carrier.failure = BlockingIOError(errno.EAGAIN, "backlog full")
    await bench.refused(bench.connect())
    assert (bench.listener.connections.total, len(bench.listener.waiting)) == (0, 0)
    bench.carrier.failure = None
    bench.connect()
    await bench.accepted(1)


async def test_out_of_descriptors_it_waits_for_one_to_be_freed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.connect()
    await bench.accepted(1)
    bench.connect()
    with descriptors.limited_to(3):
        await eventually(lambda: bench.listener._pause is not None)
        for _ in range(100):
            await asyncio.sleep(0)
        assert [record.getMessage() for record in caplog.records] == [
            "no connections are accepted for now"
        ]
    # Long before the pause is over: a connection that ends leaves room for the next.
    bench.carrier.end(bench.connections[0])
    await bench.accepted(1)
    assert bench.listener._pause is None


async def test_out_of_descriptors_it_tries_again_after_a_while(bench: Bench) -> None:
    client = socket.socket(socket.AF_UNIX)
    bench.clients.append(client)
    with descriptors.limited_to(3):
        client.connect(str(bench.path))
        await eventually(lambda: bench.listener._pause is not None)
    await bench.accepted(1)


async def test_a_carrier_out_of_descriptors_pauses_it_too(bench: Bench) -> None:
    bench.carrier.failure = OSError(errno.EMFILE, "Too many open files")
    await bench.refused(bench.connect())
    assert bench.listener._pause is not None
    assert bench.listener.connections.total == 0


async def test_another_failure_of_one_connection_stops_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.carrier.failure = OSError(errno.ECONNREFUSED, "Connection refused")
    await bench.refused(bench.connect())
    assert vars(caplog.records[0])["error"] == "cannot accept: Connection refused"
    bench.carrier.failure = None
    bench.connect()
    await bench.accepted(1)


async def test_a_broken_carrier_ends_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits())
    bench.carrier.broken.set()
    with pytest.raises(ExceptionGroup) as failure:
        await bench.listener.run()
    assert failure.group_contains(RuntimeError, match="the carrier broke")
    assert bench.carrier.stopped == Limits().drain
    assert not bench.path.exists()


async def test_a_path_in_use_ends_it_and_the_carrier_with_it(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path, Limits())
    with pytest.raises(ExceptionGroup) as failure:
        await other.listener.run()
    assert failure.group_contains(StoreError, match="another process is serving here")
    assert other.carrier.stopped is not None
    bench.connect()
    await bench.accepted(2)  # with the one that asked whether anybody is there


async def test_at_the_end_it_is_not_ready_and_the_socket_is_gone(tmp_path: Path) -> None:
    async with listening(tmp_path) as bench:
        bench.connect()
        await bench.accepted(1)
    assert not bench.listener.ready.is_set()
    assert bench.carrier.stopped == Limits().drain
    assert not bench.path.exists()
    assert bench.connections == []


class Failing:
    """An attestor whose daemon is down."""

    name = "docker"

    async def attest(self, caller: KernelCaller) -> Evidence:
        raise UnavailableError(f"docker cannot be asked about {caller.pid}")


async def test_attestors_that_cannot_tell_are_counted_by_name(tmp_path: Path) -> None:
    carrier = FakeCarrier()
    listener = Listener(tmp_path / "s", carrier, [Failing()], Limits(), FakeClock())
    async with running(listener):
        await listener.ready.wait()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            await eventually(lambda: bool(carrier.connections))
            [connection] = carrier.connections
            await connection.workload.evidence()
        assert listener.attestation_failures == {"docker": 1}
