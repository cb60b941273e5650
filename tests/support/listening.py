"""A listener, a carrier that keeps what it adopts, and clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from accredit.agent.limits import Limits
from accredit.agent.listener import Listener
from accredit.agent.seam import Connection
from support.clock import FakeClock
from support.eventually import eventually
from support.running import running


class FakeCarrier:
    """Keeps what it adopts, until ``end``; or fails as it is told to."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.failure: OSError | None = None
        self.broken = asyncio.Event()
        self.stopped: timedelta | None = None

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks

    def adopt(self, connection: Connection) -> Callable[[], None]:
        if self.failure is not None:
            raise self.failure
        self.connections.append(connection)
        return lambda: self.end(connection)

    def end(self, connection: Connection) -> None:
        self.connections.remove(connection)
        connection.ended()
        connection.sock.close()

    async def serve(self) -> None:
        await self.broken.wait()
        raise RuntimeError("the carrier broke")

    async def stop(self, grace: timedelta) -> None:
        self.stopped = grace
        for connection in tuple(self.connections):
            self.end(connection)


class Bench:
    def __init__(self, folder: Path, limits: Limits) -> None:
        self.path = folder / "api.sock"
        self.carrier = FakeCarrier()
        self.clock = FakeClock()
        self.listener = Listener(self.path, self.carrier, [], limits, self.clock)
        self.clients: list[socket.socket] = []

    @property
    def connections(self) -> list[Connection]:
        return self.carrier.connections

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        self.clients.append(client)
        client.settimeout(10)
        client.connect(str(self.path))
        return client

    async def accepted(self, count: int) -> None:
        await eventually(lambda: len(self.connections) == count)

    async def refused(self, client: socket.socket) -> None:
        async with asyncio.timeout(30):
            client.setblocking(False)
            with suppress(ConnectionError):
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""


@asynccontextmanager
async def listening(folder: Path, limits: Limits | None = None) -> AsyncIterator[Bench]:
    bench = Bench(folder, limits or Limits())
    try:
        async with running(bench.listener):
            await bench.listener.ready.wait()
            yield bench
    finally:
        for client in bench.clients:
            client.close()
