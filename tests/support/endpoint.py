"""A socket of ours with the echo service behind the real listener and the real transport."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from grpc import aio

from accredit.agent.limits import Limits
from accredit.agent.listener import Listener
from accredit.agent.transport import GrpcTransport
from accredit.attestation.unix import UnixAttestor, UnixSettings
from support.clock import FakeClock
from support.echo_service import EchoService
from support.running import running


class Endpoint:
    """What is served, and where."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        clock = FakeClock()
        self.path = folder / "public/api.sock"
        self.private = folder / "private"
        self.service = EchoService()
        self.transport = GrpcTransport([self.service], limits, self.private)
        attestors = [UnixAttestor(UnixSettings(), clock)]
        self.listener = Listener(self.path, self.transport, attestors, limits, clock)

    @property
    def inner(self) -> Path:
        """The socket grpcio listens on."""
        (path,) = self.private.glob("*/socket")
        return path

    def channel(self) -> aio.Channel:
        """Return a channel over a connection of its own."""
        return aio.insecure_channel(
            f"unix:{self.path}", options=[("grpc.use_local_subchannel_pool", 1)]
        )

    async def who(self, channel: aio.Channel) -> list[str]:
        """Return the pid, uid, gid and selectors that the service sees."""
        ask: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Echo/Who")
        return (await ask(b"", timeout=60)).decode().split(" ")

    def watch(self, channel: aio.Channel) -> aio.UnaryStreamCall[bytes, bytes]:
        start: aio.UnaryStreamMultiCallable[bytes, bytes]
        start = channel.unary_stream("/test.Echo/Watch")
        return start(b"")


@asynccontextmanager
async def endpoint(limits: Limits | None = None) -> AsyncIterator[Endpoint]:
    """Serve meanwhile, in a folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="accredit-"))
    folder.chmod(0o755)
    try:
        made = Endpoint(folder, limits or Limits())
        async with running(made.listener):
            await made.listener.ready.wait()
            yield made
    finally:
        shutil.rmtree(folder)
