from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import AsyncIterator

import pytest
from support import descriptors
from support.running import quiet

from accredit.agent.relay import Link, Relay
from accredit.identity.errors import UnavailableError


class Watched:
    """Counts what it hears; has ``enough`` at so many bytes."""

    def __init__(self, enough: int = 1 << 40) -> None:
        self.bytes = 0
        self.ends = 0
        self._enough = enough

    def came(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self._enough:
            raise UnavailableError("enough")

    def ended(self) -> None:
        self.ends += 1


class Pair:
    """A relayed pair and its two far ends: the client's and the server's."""

    def __init__(self, relay: Relay, watcher: Watched) -> None:
        self.watcher = watcher
        self.client, outer = socket.socketpair()
        inner, self.server = socket.socketpair()
        for sock in (self.client, outer, inner, self.server):
            sock.setblocking(False)
        self.link: Link = relay.add(outer, inner, watcher)
        self._loop = asyncio.get_running_loop()

    async def recv(self, sock: socket.socket) -> bytes:
        async with asyncio.timeout(30):
            return await self._loop.sock_recv(sock, 1 << 20)

    async def fill(self, sock: socket.socket) -> int:
        """Write until nothing more is taken; returns how much was."""
        total = 0
        while True:
            try:
                total += sock.send(b"x" * (1 << 16))
            except BlockingIOError:
                before = total
                await quiet()
                if not select.select([], [sock], [], 0.05)[1]:
                    return before

    async def drain(self, sock: socket.socket, size: int) -> None:
        while size:
            size -= len(await self.recv(sock))

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


@pytest.fixture
async def pair(relay: Relay) -> AsyncIterator[Pair]:
    pair = Pair(relay, Watched())
    yield pair
    pair.close()


async def test_bytes_go_both_ways(pair: Pair) -> None:
    pair.client.send(b"question")
    assert await pair.recv(pair.server) == b"question"
    pair.server.send(b"answer")
    assert await pair.recv(pair.client) == b"answer"
    assert pair.watcher.bytes == len(b"question")


async def test_much_goes_through_whole(pair: Pair) -> None:
    data = bytes(range(256)) * 40_000
    loop = asyncio.get_running_loop()
    received = bytearray()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(loop.sock_sendall(pair.client, data))
        while len(received) < len(data):
            received += await pair.recv(pair.server)
    assert received == data


@pytest.mark.parametrize(("writer", "reader"), [("client", "server"), ("server", "client")])
async def test_what_nobody_reads_is_not_collected(pair: Pair, writer: str, reader: str) -> None:
    taken = await pair.fill(getattr(pair, writer))
    held = len(pair.link.inner.pending) + len(pair.link.outer.pending)
    assert 0 < held <= 1 << 16
    assert taken < 2 << 20  # what is more than ours waits in the kernel
    await pair.drain(getattr(pair, reader), taken)
    getattr(pair, writer).send(b"on it goes")
    assert await pair.recv(getattr(pair, reader)) == b"on it goes"


async def test_one_that_does_not_read_holds_up_nobody_else(relay: Relay, pair: Pair) -> None:
    await pair.fill(pair.server)
    other = Pair(relay, Watched())
    other.server.send(b"answer")
    assert await other.recv(other.client) == b"answer"
    other.close()


async def test_waiting_costs_no_processor(relay: Relay, pair: Pair) -> None:
    await pair.fill(pair.server)
    pair.server.close()  # a hang-up, which epoll goes on reporting if it is let
    await quiet()
    assert not select.select([relay._epoll], [], [], 0)[0]


async def test_a_client_that_leaves_ends_the_pair(pair: Pair) -> None:
    pair.client.close()
    assert await pair.recv(pair.server) == b""
    assert pair.watcher.ends == 1


async def test_a_server_that_leaves_has_its_last_word_delivered(pair: Pair) -> None:
    taken = await pair.fill(pair.server)
    pair.server.close()
    await quiet()
    assert pair.watcher.ends == 0
    await pair.drain(pair.client, taken)
    assert await pair.recv(pair.client) == b""
    assert pair.watcher.ends == 1


async def test_a_client_that_has_said_everything_still_hears_the_answer(pair: Pair) -> None:
    pair.client.send(b"question")
    pair.client.shutdown(socket.SHUT_WR)
    assert await pair.recv(pair.server) == b"question"
    assert await pair.recv(pair.server) == b""
    pair.server.send(b"answer")
    assert await pair.recv(pair.client) == b"answer"
    assert pair.watcher.ends == 0


async def test_the_end_is_told_before_the_sockets_close(relay: Relay) -> None:
    open_when_told = []

    class Looks(Watched):
        def ended(self) -> None:
            open_when_told.append(made.link.inner.sock.fileno() >= 0)

    made = Pair(relay, Looks())
    relay.drop(made.link)
    assert open_when_told == [True]
    assert made.link.inner.sock.fileno() == -1
    made.close()


async def test_a_pair_ends_once(relay: Relay, pair: Pair) -> None:
    relay.drop(pair.link)
    relay.drop(pair.link)
    assert pair.watcher.ends == 1


async def test_one_that_sends_too_much_is_dropped(relay: Relay) -> None:
    pair = Pair(relay, Watched(enough=10))
    pair.client.send(b"x" * 11)
    assert await pair.recv(pair.client) == b""
    assert pair.watcher.ends == 1
    pair.close()


async def test_descriptors_sent_along_are_not_taken(pair: Pair) -> None:
    before = descriptors.count()
    for _ in range(10):
        socket.send_fds(pair.client, [b"x"], [pair.client.fileno()] * 10)
    await quiet()
    assert descriptors.count() == before
    assert await pair.recv(pair.server) == b"x" * 10


async def test_closing_ends_every_pair_and_leaves_nothing() -> None:
    before = descriptors.count()
    relay = Relay()
    pairs = [Pair(relay, Watched()) for _ in range(3)]
    relay.close()
    for pair in pairs:
        pair.close()
    assert [pair.watcher.ends for pair in pairs] == [1, 1, 1]
    assert descriptors.count() == before


async def test_the_last_words_of_servers_that_end_are_delivered() -> None:
    relay = Relay()
    pair = Pair(relay, Watched())
    taken = await pair.fill(pair.server)
    pair.server.close()
    async with asyncio.TaskGroup() as tasks:
        finishing = tasks.create_task(relay.finish(10))
        await quiet()
        assert not finishing.done()
        await pair.drain(pair.client, taken)
    assert await pair.recv(pair.client) == b""
    pair.close()


async def test_a_client_that_does_not_listen_is_not_waited_for() -> None:
    relay = Relay()
    pair = Pair(relay, Watched())
    await pair.fill(pair.server)
    pair.server.close()
    await relay.finish(0.01)
    assert pair.watcher.ends == 1
    pair.close()
