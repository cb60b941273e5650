"""HTTP/1.1 on one accepted connection: the next request, and what is said to it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import h11

_READ_BYTES = 1 << 14
_ANSWERING = frozenset({h11.IDLE, h11.SEND_RESPONSE})


@dataclass(frozen=True, slots=True)
class Request:
    """What matters of a request; there is no body."""

    method: str
    target: str
    etag: str = ""

    def has(self, etag: str) -> bool:
        """Tell whether the other side says that it has that version, RFC 9110 13.1.2."""
        known = [each.strip().removeprefix("W/") for each in self.etag.split(",")]
        return etag in known or known == ["*"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; ``close`` ends the connection after it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    close: bool = False


class ProtocolError(Exception):
    """What was sent is no request that could be answered with more than ``status``."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Wire(Protocol):
    """An open connection that carries bytes both ways."""

    async def receive(self, most: int) -> bytes:
        """Return what comes next, up to that many bytes; none at the end."""
        ...

    async def send(self, data: bytes) -> None:
        """Return once the other side has taken it, or the kernel for it."""
        ...


class SocketWire:
    """A non-blocking socket without TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def receive(self, most: int) -> bytes:
        """Return what comes next."""
        return await self._loop.sock_recv(self._sock, most)

    async def send(self, data: bytes) -> None:
        """Return once the kernel has taken it."""
        await self._loop.sock_sendall(self._sock, data)


class Talk:
    """One connection. A request, and the taking of an answer, may last for ``patience`` seconds."""

    def __init__(self, wire: Wire, patience: float, header_bytes: int) -> None:
        self._wire = wire
        self._patience = patience
        # A header that comes whole is not measured: so no more than one piece too much is read.
        self._read_bytes = min(_READ_BYTES, header_bytes)
        self._bodiless = False
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=header_bytes)

    async def request(self) -> Request | None:
        """Return the next request, or None when the other side has ended.

        Raises:
            ProtocolError: it is none, its header is too long, or it has a body.
            TimeoutError: it does not come.
            OSError: the connection is broken.
        """
        try:
            async with asyncio.timeout(self._patience):
                head = await self._event()
                if not isinstance(head, h11.Request):
                    return None
                if not isinstance(await self._event(), h11.EndOfMessage):
                    raise ProtocolError(400, "a request has no body here")
        except h11.RemoteProtocolError as error:
            # Its text quotes what was sent.
            raise ProtocolError(error.error_status_hint, "this is no HTTP/1.1 request") from None
        self._bodiless = head.method == b"HEAD"
        return _read(head)

    async def say(self, answer: Answer) -> bool:
        """Send an answer; return whether another request may follow.

        Raises:
            TimeoutError: the other side does not take it.
            OSError: the connection is broken.
        """
        if self._http.our_state not in _ANSWERING:
            return False
        async with asyncio.timeout(self._patience):
            await self._wire.send(self._serialise(answer))
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._wire.receive(self._read_bytes))
        return event

    def _serialise(self, answer: Answer) -> bytes:
        close = (("connection", "close"),) if answer.close else ()
        length = ("content-length", str(len(answer.body)))
        head = h11.Response(
            status_code=answer.status,
            reason=HTTPStatus(answer.status).phrase,
            headers=[*answer.headers, length, *close],
        )
        body = [] if self._bodiless or answer.status == HTTPStatus.NOT_MODIFIED else [answer.body]
        events = [head, *map(h11.Data, body), h11.EndOfMessage()]
        return b"".join(self._http.send(event) or b"" for event in events)


def _read(head: h11.Request) -> Request:
    headers = dict(iter(head.headers))  # names come in lower case
    return Request(
        head.method.decode("ascii"),
        head.target.decode("ascii"),
        headers.get(b"if-none-match", b"").decode("latin-1"),
    )
