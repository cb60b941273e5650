"""HTTP/1 as bytes: what a library would tidy up stays as it was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Message:
    """A request or a response. ``line`` is its first."""

    line: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.line.split()[1])

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return values(self.fields, name)

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


def values(fields: Fields, name: str) -> list[str]:
    """Return every value of a field."""
    return [value for each, value in fields if each.lower() == name.lower()]


def read_head(stream: BinaryIO) -> Message | None:
    """Return first line and fields; None where the connection has ended."""
    line = stream.readline()
    return Message(line.decode("latin-1").rstrip("\r\n"), _fields(stream)) if line else None


def read_body(stream: BinaryIO, head: Message, *, to_the_end: bool = False) -> Message:
    """Return the whole message; ``to_the_end`` is how a response without a length goes on."""
    if "chunked" in ",".join(head.all("transfer-encoding")).lower():
        body = b"".join(_chunks(stream))
        return Message(head.line, head.fields, body, _fields(stream))
    if head.all("content-length"):
        return Message(head.line, head.fields, stream.read(int(head.one("content-length"))))
    return Message(head.line, head.fields, stream.read() if to_the_end else b"")


def read_response(stream: BinaryIO, *, head: bool = False) -> Message:
    """Return the final response; EOFError if none comes. ``head`` is for answers to HEAD."""
    while (found := read_head(stream)) is not None:
        if head or found.status in (101, 204, 304):
            return found
        if found.status >= 200:
            return read_body(stream, found, to_the_end=True)
    raise EOFError("the connection ended without a response")


def chunked(*parts: bytes, trailers: str = "") -> bytes:
    """Return a chunked body; ``trailers`` are whole lines."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return chunks + b"0\r\n" + trailers.encode() + b"\r\n"


def _chunks(stream: BinaryIO) -> list[bytes]:
    found = []
    while size := int(stream.readline().split(b";")[0], 16):
        found.append(stream.read(size))
        stream.readline()
    return found


def _fields(stream: BinaryIO) -> Fields:
    found = []
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        found.append((name, value.strip()))
    return found
