"""One GET over an open connection, in HTTP/1.1, with bounds on everything the server sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import h11

from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.identity.errors import ResponseError, UnavailableError

_READ_BYTES = 1 << 14
_HEADER_BYTES = 1 << 14
_MOST_PIECES = 1 << 13
_SUCCESS = 200
_USER_AGENT = "accredit"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: of a good one the body, of the others where they point to."""

    status: int
    location: str
    body: bytes


class Exchange:
    """Asks once; a wait for the server without a byte lasts ``stall`` seconds at most.

    Framing counts too: a server may send twice ``max_bytes`` and a header's size, and no more.
    Nor may it cut them into chunks of a few bytes, each of which costs us as much as a large one.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        max_bytes: int,
        stall: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._max_bytes = max_bytes
        self._stall = stall
        self._pieces = 0
        self._credit = 2 * (max_bytes + _HEADER_BYTES)
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_BYTES)

    async def get(self, url: EndpointUrl) -> Answer:
        """Return the answer to a GET of ``url``.

        Raises:
            ResponseError: it is no HTTP, too large, compressed or incomplete.
            UnavailableError: the server has stalled.
            OSError: the connection is broken.
        """
        try:
            await self._ask(url)
            head = await self._event()
            while isinstance(head, h11.InformationalResponse):
                head = await self._event()
            if not isinstance(head, h11.Response):
                raise ResponseError("the server ended the connection without an answer")
            return await self._read(head)
        except h11.RemoteProtocolError:
            # Its text quotes what was sent.
            raise ResponseError("the server's answer is no complete HTTP/1.1") from None

    async def _ask(self, url: EndpointUrl) -> None:
        head = h11.Request(
            method="GET",
            target=url.target,
            headers=[
                ("Host", url.authority),
                ("User-Agent", _USER_AGENT),
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        for event in (head, h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _read(self, head: h11.Response) -> Answer:
        headers = dict(iter(head.headers))  # names come in lower case
        if head.status_code != _SUCCESS:
            return Answer(head.status_code, headers.get(b"location", b"").decode("latin-1"), b"")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise ResponseError("the document is compressed, which nobody asked for")
        return Answer(head.status_code, "", await self._body())

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._max_bytes:
                raise ResponseError(f"the document is larger than {self._max_bytes} bytes")
        return bytes(body)

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._more())
        self._pieces += 1
        if self._pieces > _MOST_PIECES:
            raise ResponseError(f"the answer comes in more than {_MOST_PIECES} pieces")
        return event

    async def _more(self) -> bytes:
        try:
            async with asyncio.timeout(self._stall):
                data = await self._reader.read(_READ_BYTES)
        except TimeoutError:
            raise UnavailableError(f"the server sent nothing for {self._stall:g}s") from None
        self._credit -= len(data)
        if self._credit < 0:
            raise ResponseError(f"the answer is larger than {self._max_bytes} bytes")
        return data
