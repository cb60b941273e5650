"""What a hostile bundle endpoint may say, and what of it an operator is told."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from datetime import timedelta
from typing import Any

from accredit.identity.bundle import encode_bundle
from support.bundle_endpoint import OK, Talk, document, redirect, says, whole
from support.ca import TestCa, from_now
from support.federating import PARTNER

# Used long after they are made here, in a run of all tests.
LASTING = from_now(not_before=-timedelta(hours=1), not_after=timedelta(days=30))
CA = TestCa(PARTNER, **LASTING)
HELD = CA.bundle(sequence=7, refresh_hint=timedelta(seconds=60))
NEXT = CA.bundle(sequence=8)
GOOD = encode_bundle(NEXT)
_CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _cut(data: bytes) -> Talk:
    """Announce a whole document, and break off in the middle."""
    return says(OK + b"Content-Length: %d\r\n\r\n" % len(data) + data[: len(data) // 2])


def _repeats(start: bytes, piece: bytes, *, pause: float = 0, until: int = 1 << 30) -> Talk:
    """Say ``start``, and then ``piece`` again and again, a gigabyte in all."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        sent = 0
        while sent < until and not writer.is_closing():
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return talk


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    del writer


async def _silent_after_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(whole(GOOD)[:-20])
    await reader.read()


async def hangs_up_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.close()


def _resets(start: bytes) -> Talk:
    """Break the connection as a dying machine does, after ``start``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        await writer.drain()
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return talk


def keys(*entries: Any, **members: Any) -> Talk:
    return says(whole(json.dumps({"keys": list(entries), **members}).encode()))


def _text(text: str | bytes) -> Talk:
    return says(whole(text.encode() if isinstance(text, str) else text))


_OLD = TestCa(PARTNER, **LASTING).bundle(sequence=6)
_NESTED = '{"keys": ' + "[" * 100_000 + "]" * 100_000 + "}"

LIES: dict[str, tuple[Talk, str]] = {
    "nothing": (says(b""), "no complete HTTP"),
    "no http": (says(b"220 mail.example ESMTP\r\n"), "no complete HTTP"),
    "http/2": (says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)), "no complete HTTP"),
    "binary": (says(bytes(range(256)) * 64), "no complete HTTP"),
    "cut document": (_cut(GOOD), "no complete HTTP"),
    "cut chunk": (says(_CHUNKED + b"ff\r\n{"), "no complete HTTP"),
    "chunk size that is no number": (says(_CHUNKED + b"zz\r\n{}\r\n"), "no complete HTTP"),
    "negative chunk": (says(_CHUNKED + b"-1\r\n{}\r\n"), "no complete HTTP"),
    "endless chunk size": (_repeats(_CHUNKED, b"0" * 4096), "no complete HTTP"),
    "chunk of 2^80 bytes": (
        _repeats(_CHUNKED + b"f" * 20 + b"\r\n", b" " * 65536),
        "larger than 1048576",
    ),
    "endless trailer": (_repeats(_CHUNKED + b"0\r\n", b"a: b\r\n" * 1000), "no complete HTTP"),
    "two lengths": (
        says(OK + b"Content-Length: 2\r\nContent-Length: 999\r\n\r\n" + GOOD),
        "no complete HTTP",
    ),
    "negative length": (says(OK + b"Content-Length: -5\r\n\r\n" + GOOD), "no complete HTTP"),
    "header without end": (_repeats(OK, b"x" * 4096), "no complete HTTP"),
    "headers without end": (_repeats(OK, b"a: b\r\n" * 1000), "no complete HTTP"),
    "hints without end": (
        _repeats(b"", b"HTTP/1.1 103 Early\r\n\r\n" * 500),
        "more than 8192 pieces",
    ),
    "a gigabyte announced": (
        _repeats(OK + b"Content-Length: 1073741824\r\n\r\n", b" " * 65536),
        "larger than 1048576 bytes",
    ),
    "a gigabyte unannounced": (_repeats(OK + b"\r\n", b" " * 65536), "larger than 1048576 bytes"),
    "a gigabyte in chunks": (
        _repeats(_CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
        "larger than 1048576 bytes",
    ),
    "a gigabyte in tiny chunks": (
        _repeats(_CHUNKED, b"1\r\n \r\n" * 8192),
        "more than 8192 pieces",
    ),
    "gzip bomb": (
        says(whole(gzip.compress(bytes(20 << 20)), OK + b"Content-Encoding: gzip\r\n")),
        "compressed",
    ),
    "gzip unsaid": (_text(gzip.compress(GOOD)), "JSON is not UTF-8"),
    "html": (says(whole(b"<html>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")), "not JSON"),
    "empty": (_text(""), "not JSON"),
    "cut json": (_text(GOOD[:-9]), "not JSON"),
    "two documents": (_text(GOOD * 2), "not JSON"),
    "no utf-8": (_text(b'{"keys": [], "\xff": 1}'), "JSON is not UTF-8"),
    "byte order mark": (_text(b"\xef\xbb\xbf" + GOOD), "not JSON"),
    "nested garbage": (_text(_NESTED), "nested deeper"),
    "number without end": (
        _text('{"keys": [], "spiffe_sequence": ' + "9" * 500_000 + "}"),
        "large",
    ),
    "keys twice": (_text(b'{"keys": [], "keys": []}'), "a member twice"),
    "no keys": (_text("{}"), "keys is missing"),
    "keys null": (_text('{"keys": null}'), "keys is missing"),
    "a list": (_text("[]"), "not an object"),
    "keys without number": (keys(*[{}] * 5000), "more than 1024 keys"),
    "replay": (says(document(_OLD)), "older than the one held: sequence 6 after 7"),
    "old and empty": (keys(spiffe_sequence=6), "older than the one held"),
    "404 with a document": (says(whole(GOOD, b"HTTP/1.1 404 No\r\n")), "status 404"),
    "500": (says(whole(GOOD, b"HTTP/1.1 500 No\r\n")), "status 500"),
    "204": (says(b"HTTP/1.1 204 None\r\n\r\n"), "status 204"),
    "206": (says(whole(GOOD, b"HTTP/1.1 206 Part\r\n")), "status 206"),
    "304 unasked": (says(b"HTTP/1.1 304 Same\r\n\r\n"), "status 304"),
    "101": (says(b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n"), "no complete HTTP"),
    "redirect to itself": (says(redirect(302, "/bundle.json")), "more than 5 redirects"),
    "redirect nowhere": (says(b"HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n"), "status 302"),
    "downgrade": (says(redirect(302, "http://127.0.0.1/x")), "no bundle endpoint: .* not an https"),
    "redirect to a file": (says(redirect(302, "file:///etc/passwd")), "no bundle endpoint"),
    "redirect with user-info": (says(redirect(307, "https://u:p@h.example/")), "has user-info"),
    "redirect with blanks": (says(redirect(302, "https://h.example/ a")), "no bundle endpoint"),
    "redirect in latin-1": (says(redirect(302, "https://h.example/\xe9")), "no bundle endpoint"),
    "redirect to port 0": (says(redirect(302, "https://127.0.0.1:0/")), "no port from 1 to 65535"),
    "redirect to a closed port": (says(redirect(302, "https://127.0.0.1:1/")), "no connection to"),
    "hangs up at once": (hangs_up_at_once, "no connection|no complete HTTP|TLS with"),
    "reset after the request": (_resets(b""), "no connection|no complete HTTP|TLS with"),
    "reset in the header": (_resets(OK), "no connection|no complete HTTP|TLS with"),
    "reset in the document": (_resets(whole(GOOD)[:-9]), "no connection|complete HTTP|TLS with"),
}

SLOW: dict[str, tuple[Talk, str]] = {
    "never answers": (silent, "sent nothing for 2s"),
    "stops in the document": (_silent_after_half, "sent nothing for 2s"),
    "slow drip": (_repeats(OK + b"\r\n", b" ", pause=0.05), "longer than 3s"),
    "slow header": (_repeats(OK, b"a", pause=0.05), "longer than 3s"),
}
PATIENCE: dict[str, Any] = {
    "timeout": timedelta(seconds=3),
    "stall_timeout": timedelta(seconds=2),
}
