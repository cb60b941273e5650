"""HTTP/2 with the h2 library: one request, and an app that tells all it was sent."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from support.sidecar.http1 import Fields, values


@dataclass
class Exchange:
    """What came over one stream."""

    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    ended: bool = False

    @property
    def status(self) -> int:
        return int(values(self.fields, ":status")[0])

    def take(self, event: Event, connection: H2Connection) -> None:
        """Add what one event brings."""
        if isinstance(event, RequestReceived | ResponseReceived):
            self.fields = _text(event.headers)
        elif isinstance(event, TrailersReceived):
            self.trailers = _text(event.headers)
        elif isinstance(event, DataReceived):
            self.body += event.data or b""
            connection.acknowledge_received_data(
                event.flow_controlled_length or 0, event.stream_id or 0
            )
        self.ended |= isinstance(event, StreamEnded | StreamReset | ConnectionTerminated)


def request(
    sock: socket.socket, path: str, *more: tuple[str, str], method: str = "GET", body: bytes = b""
) -> Exchange:
    """Send one small request and return the answer.

    Raises:
        EOFError: the connection ended without one.
    """
    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    head = [(":method", method), (":scheme", "https"), (":authority", "app"), (":path", path)]
    connection.send_headers(1, [*head, *more], end_stream=not body)
    if body:
        connection.send_data(1, body, end_stream=True)
    found = Exchange()
    while not found.ended:
        sock.sendall(connection.data_to_send())
        received = sock.recv(65536)
        if not received:
            raise EOFError("the connection ended without a response")
        for event in connection.receive_data(received):
            found.take(event, connection)
    return found


def talk(sock: socket.socket) -> None:
    """Answer every request of one connection by what the app has seen, in JSON."""
    connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    sock.sendall(connection.data_to_send())
    open_streams: dict[int, Exchange] = {}
    while received := sock.recv(65536):
        for event in connection.receive_data(received):
            stream: int = getattr(event, "stream_id", 0) or 0
            exchange = open_streams.setdefault(stream, Exchange())
            exchange.take(event, connection)
            if isinstance(event, StreamEnded):
                _answer(connection, stream, open_streams.pop(stream))
        sock.sendall(connection.data_to_send())


def _answer(connection: H2Connection, stream: int, exchange: Exchange) -> None:
    body = json.dumps(_seen(exchange)).encode()
    connection.send_headers(stream, [(":status", "200"), ("server", "h2-app")])
    connection.send_data(stream, body)
    connection.send_headers(stream, [("x-sum", str(len(body)))], end_stream=True)


def _seen(exchange: Exchange) -> dict[str, Any]:
    return {
        "fields": exchange.fields,
        "length": len(exchange.body),
        "trailers": exchange.trailers,
    }


def _text(headers: Sequence[Any] | None) -> Fields:
    return [(str(name), str(value)) for name, value in headers or ()]
