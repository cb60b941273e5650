"""HTTP/2 by hand: what no client library would send, and no more than tests need of the answers."""

from __future__ import annotations

import socket
from typing import Self

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header field without compression; both parts are shorter than 127 bytes."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


def request(path: bytes, stream: int = 1, *more: bytes, end: bool = False) -> bytes:
    """Return the HEADERS of a gRPC request; ``more`` are literals."""
    fields = b"\x83\x86\x04" + bytes((len(path),)) + path + b"\x01\x04here"
    fields += literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers")
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(HEADERS, flags, stream, fields + b"".join(more))


def message(data: bytes, stream: int = 1) -> bytes:
    """Return one whole message that ends the requests of a stream."""
    return frame(DATA, END_STREAM, stream, b"\0" + len(data).to_bytes(4, "big") + data)


class RawConnection:
    """A connection to the socket at ``path`` that has sent preface and SETTINGS."""

    def __init__(self, path: object, sock: socket.socket | None = None) -> None:
        self.sock = sock or socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(path))
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self._rest = b""

    def send(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(frames))

    def next_frame(self, kind: int, stream: int | None = None) -> bytes:
        """Return the payload of the next frame of a kind; EOFError if the connection ends first."""
        while True:
            head = self._read(9)
            payload = self._read(int.from_bytes(head[:3], "big"))
            number = int.from_bytes(head[5:], "big")
            if head[3] == kind and stream in {None, number}:
                return payload

    def closed(self) -> bool:
        """Read all there is; whether the other side has closed."""
        try:
            while self.sock.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def _read(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError
            self._rest += data
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
