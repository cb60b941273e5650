"""gRPC by grpcio, behind a relay that tells it who calls.

grpcio hides the sockets it accepts. So each accepted connection is relayed to a private listener
of grpcio's, from a socket that we bind to a name of its own; grpcio gives that name back as
``context.peer()``. A name counts only while it is in our table; it is in our table only while our
own socket holds it; and the kernel lets nobody else hold it meanwhile. So the proof does not rest
on a name being secret, and a direct connection to the private listener gets nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import grpc

from accredit.agent.grpcio import RegisteredOnly, be_quiet
from accredit.agent.handlers import Handlers
from accredit.agent.limits import Limits
from accredit.agent.private_folder import private_socket_path
from accredit.agent.relay import Relay
from accredit.agent.seam import Connection
from accredit.agent.self_test import Probe, SelfTest
from accredit.identity.errors import AttestationError, StoreError, UnavailableError
from accredit.rotation.delivery import Service

_PEER_PREFIX = "unix-abstract:"
_LAST_WORDS_SECONDS = 1.0
_SOCKET = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


class GrpcTransport:
    """Carries ``services`` over relayed connections; a Carrier.

    ``private_dir`` is a folder of mode 0700, created if missing.
    """

    def __init__(self, services: Sequence[Service], limits: Limits, private_dir: Path) -> None:
        self._limits = limits
        self._private_dir = private_dir
        self._handlers = Handlers(services, self._find)
        self._live: dict[str, Connection] = {}
        self._resources = ExitStack()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Listen on a socket that only this user can reach, and make sure callers are told apart.

        Raises:
            StoreError: the private folder cannot be used.
            UnavailableError: grpcio does not tell callers apart; nothing may be served.
        """
        with ExitStack() as resources:
            path = resources.enter_context(private_socket_path(self._private_dir))
            await self._listen(str(path), tasks)
            self._resources = resources.pop_all()

    async def _listen(self, address: str, tasks: asyncio.TaskGroup) -> None:
        be_quiet()
        self._address = address
        self_test = SelfTest()
        handlers = {**self._handlers.by_path, **self_test.by_path}
        self._server = RegisteredOnly(tasks, handlers, _options(self._limits))
        if not self._server.add_insecure_port(f"unix:{quote(address)}".encode()):
            raise StoreError(address, "grpcio cannot listen here")
        self._relay = Relay()
        try:
            await self._start_grpcio()
            await self._prove_peers(self_test)
        except BaseException:
            await self._server.shutdown(None)
            self._relay.close()
            raise

    async def _start_grpcio(self) -> None:
        # Cancelled half-way, its main loop would end with an error that nobody has asked for.
        starting = asyncio.ensure_future(self._server.start())  # noqa: TID251  waited for below
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            raise

    def adopt(self, connection: Connection) -> Callable[[], None]:
        """Relay a connection to grpcio, from a socket with a name of its own."""
        name = f"accredit-{secrets.token_hex(16)}"
        inner = socket.socket(socket.AF_UNIX, _SOCKET)
        try:
            inner.bind(f"\0{name}")
            self._live[name] = connection  # before grpcio can hear of it
            inner.connect(self._address)
            relayed = _Relayed(self._live, name, connection)
            link = self._relay.add(connection.sock, inner, relayed)
        except OSError:
            self._live.pop(name, None)
            inner.close()
            raise
        return partial(self._relay.drop, link)

    async def serve(self) -> None:
        """Wait for grpcio to end by itself, which it must not."""
        # Shielded: cancelling the wait would cancel what stop() waits for.
        await asyncio.shield(self._server.wait_for_termination(None))
        raise RuntimeError("grpcio has stopped serving")

    async def stop(self, grace: timedelta) -> None:
        """End streams with UNAVAILABLE, let single answers finish within ``grace``, close all."""
        with self._resources:
            await self._handlers.stop(grace)
            await self._server.shutdown(0)
            await self._relay.finish(_LAST_WORDS_SECONDS)

    def _find(self, peer: str) -> Connection:
        connection = self._live.get(_name(peer))
        if connection is None:
            raise AttestationError("nobody knows who made this connection")
        return connection

    async def _prove_peers(self, self_test: SelfTest) -> None:
        probes = [Probe(), Probe()]
        closing = [self.adopt(probe) for probe in probes]
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(self._address)
            found = [self._live.get(_name(await self_test.peer_of(p.ours))) for p in probes]
            unknown = self._live.get(_name(await self_test.peer_of(stranger)))
        for close in closing:
            close()
        self_test.close()
        if found != probes or unknown is not None:
            raise UnavailableError(
                f"grpcio {grpc.__version__} does not name peers as before: callers may be mixed up"
            )


class _Relayed:
    """Keeps the table right: the name leaves it before our socket lets go of the name."""

    __slots__ = ("_connection", "_live", "_name")

    def __init__(self, live: dict[str, Connection], name: str, connection: Connection) -> None:
        self._live = live
        self._name = name
        self._connection = connection

    def came(self, count: int) -> None:
        self._connection.came(count)

    def ended(self) -> None:
        del self._live[self._name]
        self._connection.ended()


def _name(peer: str) -> str:
    return peer.removeprefix(_PEER_PREFIX) if peer.startswith(_PEER_PREFIX) else ""


def _options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_concurrent_streams", limits.streams_per_connection),
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_metadata_size", limits.header_bytes),
        ("grpc.absolute_max_metadata_size", limits.header_bytes),
        # Envoy's keep-alive pings would otherwise be answered with GOAWAY (too_many_pings).
        ("grpc.http2.max_ping_strikes", 0),
        # Nobody compresses requests of this size but to have us unpack a bomb.
        ("grpc.compression_enabled_algorithms_bitset", 1),
    ]
