"""TLS servers in this process, with whatever certificate a test wants."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.serialization import Encoding

from accredit.file_output.address import Address
from accredit.identity.x509_svid import X509Svid
from support.ca import TestCa


@dataclass
class TlsServer:
    """Serves ``svids`` in turn, and the last one ever after."""

    svids: list[X509Svid]
    trusting: TestCa | None = None
    names: list[str | None] = field(default_factory=list)
    address: Address = field(default_factory=Address)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TlsServer]:
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._context(self.svids[0], first=True)
        )
        self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            await reader.read()
        writer.close()

    def _context(self, svid: X509Svid, *, first: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(svid.chain_pem + svid.key_pem)
            file.flush()
            context.load_cert_chain(file.name)
        if self.trusting is not None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.verify_mode = ssl.CERT_REQUIRED
            pem = self.trusting.root.public_bytes(Encoding.PEM)
            context.load_verify_locations(cadata=pem.decode())
        if first:
            context.sni_callback = self._next
        return context

    def _next(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self.names.append(name)
        svid = self.svids.pop(0) if len(self.svids) > 1 else self.svids[0]
        connection.context = self._context(svid)
