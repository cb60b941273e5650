"""A kubelet over real TLS that answers as a test has scripted it; no real one can run here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from support.ca import Issued, TestCa
from support.eventually import eventually
from support.pods import pod_list

NODE = "node-1.example"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZ2VudCJ9."  # shaped like one
ALL_RIGHT = 200


def new_ca() -> TestCa:
    return TestCa("cluster.example", now=datetime.now(UTC))


def serving(ca: TestCa, *names: str, **defects: Any) -> Issued:
    """Return a certificate for host names and addresses."""
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    extra = [(x509.SubjectAlternativeName(alternatives), False)]
    subject = f"system:node:{names[0]}"
    return ca.issue(uris=(), subject=subject, extra=extra, **defects)


def ca_file(path: Path, ca: TestCa) -> Path:
    path.write_bytes(ca.root.public_bytes(Encoding.PEM))
    return path


def pair_files(folder: Path, issued: Issued) -> tuple[Path, Path]:
    """Write a certificate and its key to files."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in issued.chain))
    key.write_bytes(issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key


@dataclass
class Request:
    path: str
    headers: Mapping[str, str]
    peer: Any
    """The client's certificate, as ``getpeercert`` gives it."""
    name: str | None
    """The name that the client looked for."""


@dataclass
class FakeKubelet:
    """Answers GET /pods with ``pods``, 401 without ``token``, 404 elsewhere.

    ``answer`` replaces the bytes of a whole answer, after which it hangs up; ``hold`` keeps every
    answer back until set. ``folder`` holds its files; with ``clients`` it wants a certificate of
    theirs.
    """

    folder: Path
    issued: Issued | None = None
    token: str | None = None
    clients: TestCa | None = None
    pods: Callable[[], bytes] = pod_list
    answer: Callable[[], bytes] | None = None
    hold: asyncio.Event | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _name: str | None = None
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeKubelet]:
        """Serve meanwhile, at the same port each time."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        context = self._context() if self.issued else None
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=context, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        if self.hold is not None:
            self.hold.set()
        for writer in self._writers:
            writer.transport.abort()
        await eventually(lambda: not self._writers)
        await self._server.wait_closed()

    def _context(self) -> ssl.SSLContext:
        assert self.issued is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair_files(self.folder, self.issued))
        context.sni_callback = self._named
        if self.clients is not None:
            # In 1.3 a client hears of a refusal with its first answer only.
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.verify_mode = ssl.CERT_REQUIRED
            pem = self.clients.root.public_bytes(Encoding.PEM).decode()
            context.load_verify_locations(cadata=pem)
        return context

    def _named(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self._name = name

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether there may be another one."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        given = {**headers, "authorization": _authorization(head)}
        path, peer = head[0].split(" ")[1], writer.get_extra_info("peercert")
        self.requests.append(Request(path, given, peer, self._name))
        if self.hold is not None:
            await self.hold.wait()
        writer.write(self._answer(self.requests[-1]))
        await writer.drain()
        return self.answer is None

    def _answer(self, request: Request) -> bytes:
        if self.answer is not None:
            return self.answer()
        if self.token is not None and request.headers["authorization"] != f"Bearer {self.token}":
            return response(401, b"Unauthorized")
        if request.path != "/pods":
            return response(404, b"404 page not found")
        return response(ALL_RIGHT, self.pods())


def response(status: int, body: bytes, *more: str) -> bytes:
    """Return a whole HTTP answer."""
    head = [f"HTTP/1.1 {status} As Scripted", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*head, "", ""]).encode() + body


def _authorization(head: list[str]) -> str:
    found = [line for line in head if line.lower().startswith("authorization: ")]
    return found[0].partition(": ")[2] if found else ""
