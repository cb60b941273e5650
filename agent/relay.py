"""Copies bytes between pairs of Unix sockets.

All sockets sit in one epoll of their own, and only that epoll's descriptor is in the event loop:
a quarter of the cost of a reader and a writer per socket. Each direction holds at most one read's
worth of bytes; while those wait to be written, nothing more is read.
"""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress
from typing import Protocol

from accredit.identity.errors import UnavailableError

_READ_BYTES = 1 << 16
_EVENTS_PER_STEP = 256
_GONE = select.EPOLLHUP | select.EPOLLERR


class Watcher(Protocol):
    """Who wants to know about a pair."""

    def came(self, count: int) -> None:
        """Hear how many bytes the outer side has sent; UnavailableError ends the pair."""
        ...

    def ended(self) -> None:
        """Hear, once, that both sockets are about to be closed."""
        ...


class _End:
    """One socket of a pair; ``pending`` is what it still has to be sent."""

    __slots__ = ("finished", "interest", "link", "other", "pending", "sock")

    def __init__(self, sock: socket.socket, link: Link) -> None:
        self.sock = sock
        self.link = link
        self.other = self
        self.pending: bytes = b""
        self.interest = 0
        self.finished = False


class Link:
    """One relayed pair: the outer socket a caller holds, and the inner one we connected."""

    __slots__ = ("inner", "outer", "watcher")

    def __init__(self, outer: socket.socket, inner: socket.socket, watcher: Watcher) -> None:
        self.outer = _End(outer, self)
        self.inner = _End(inner, self)
        self.outer.other, self.inner.other = self.inner, self.outer
        self.watcher: Watcher | None = watcher


class Relay:
    """Every relayed pair of the process; it owns their sockets, which do not block."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._ends: dict[int, _End] = {}
        self._finished: asyncio.Future[None] | None = None
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._loop.add_reader(self._epoll.fileno(), self._step)

    def add(self, outer: socket.socket, inner: socket.socket, watcher: Watcher) -> Link:
        """Relay until either side ends it."""
        link = Link(outer, inner, watcher)
        self._want(link.outer, select.EPOLLIN)
        self._want(link.inner, select.EPOLLIN)
        return link

    def drop(self, link: Link) -> None:
        """Close both sockets of a pair; what was not yet written is lost."""
        watcher, link.watcher = link.watcher, None
        if watcher is None:
            return
        watcher.ended()
        for end in (link.outer, link.inner):
            self._want(end, 0)
            end.sock.close()
        if self._finished is not None and not self._ends and not self._finished.done():
            self._finished.set_result(None)

    async def finish(self, seconds: float) -> None:
        """Deliver what the inner sides have said, if that takes no longer, and close.

        They must have ended, or be about to.
        """
        self._finished = self._loop.create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self._ends:
                    await self._finished
        self.close()

    def close(self) -> None:
        """Drop every pair."""
        for end in tuple(self._ends.values()):
            self.drop(end.link)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _want(self, end: _End, interest: int) -> None:
        # Hang-ups are reported however little is asked for, so an end of no interest is taken out.
        if interest == end.interest:
            return
        number = end.sock.fileno()
        if not interest:
            self._epoll.unregister(number)
            del self._ends[number]
        elif end.interest:
            self._epoll.modify(number, interest)
        else:
            self._epoll.register(number, interest)
            self._ends[number] = end
        end.interest = interest

    def _step(self) -> None:
        for number, events in self._epoll.poll(0, _EVENTS_PER_STEP):
            end = self._ends.get(number)
            if end is None:
                continue  # dropped earlier in this very step
            try:
                self._handle(end, events)
            except (OSError, UnavailableError):
                self.drop(end.link)

    def _handle(self, end: _End, events: int) -> None:
        if end is end.link.outer and events & _GONE:
            self.drop(end.link)  # nobody is left to answer
            return
        if events & select.EPOLLOUT:
            self._flush(end)
        if events & (select.EPOLLIN | _GONE) and end.interest & select.EPOLLIN:
            self._read(end)

    def _read(self, end: _End) -> None:
        try:
            count = end.sock.recv_into(self._buffer)
        except BlockingIOError:
            return
        if not count:
            end.finished = True
            self._settle(end.link)
            return
        if end is end.link.outer and end.link.watcher is not None:
            end.link.watcher.came(count)
        sent = _send(end.other.sock, self._buffer[:count])
        if sent < count:
            end.other.pending = bytes(self._buffer[sent:count])
            self._settle(end.link)

    def _flush(self, end: _End) -> None:
        end.pending = end.pending[_send(end.sock, end.pending) :]
        if not end.pending:
            self._settle(end.link)

    def _settle(self, link: Link) -> None:
        """Read where there is room for what is read, write where something waits."""
        for end in (link.outer, link.inner):
            if end.finished and not end.other.pending and not self._pass_on_end(end):
                return
        for end in (link.outer, link.inner):
            reading = not end.finished and not end.other.pending
            interest = select.EPOLLIN if reading else 0
            self._want(end, interest | (select.EPOLLOUT if end.pending else 0))

    def _pass_on_end(self, end: _End) -> bool:
        """Tell the other side that no more comes; whether the pair lives on."""
        if end is end.link.inner:
            self.drop(end.link)  # the server closed, and all it said has been delivered
            return False
        end.other.sock.shutdown(socket.SHUT_WR)
        return True


def _send(sock: socket.socket, data: bytes | memoryview) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0
