"""The public socket: accepts, asks the kernel who calls, counts, and hands on."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from accredit.agent.limits import Limits, Shares, affordable_connections, raise_file_limit
from accredit.agent.seam import Carrier
from accredit.agent.socket_path import listening
from accredit.agent.waiting import Waiting
from accredit.attestation.attestor import WorkloadAttestor, attest
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.evidence import Evidence
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)

_ACCEPTS_PER_STEP = 32
_PAUSE_SECONDS = 1.0
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class AcceptedConnection:
    """One connection and its share of the listener's counts."""

    __slots__ = ("_listener", "_streams", "close", "sock", "workload")

    def __init__(self, listener: Listener, sock: socket.socket, workload: AttestedWorkload) -> None:
        self._listener = listener
        self._streams = 0
        self.sock = sock
        self.workload = workload
        self.close: Callable[[], None] = sock.close

    def stream_began(self) -> None:
        """Count one request, after its first message has come."""
        self._listener.streams.take(self.workload.caller.uid)
        self._listener.waiting.remove(self)

    def stream_ended(self) -> None:
        """Count one request less."""
        self._listener.streams.give_back(self.workload.caller.uid)

    def ended(self) -> None:
        """Forget the connection; its socket is about to be closed."""
        self.workload.close()
        self._listener.connection_ended(self)


class Listener:
    """Serves one Unix socket through a carrier; a component.

    ``ready`` is set once callers can connect.
    """

    name = "listener"

    def __init__(
        self,
        path: Path,
        carrier: Carrier,
        attestors: Sequence[WorkloadAttestor],
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.ready = asyncio.Event()
        self.waiting = Waiting[AcceptedConnection](limits.first_request, _give_up)
        self.streams = Shares("streams", limits.streams_per_uid)
        self._path = path
        self._carrier = carrier
        self._attestors = tuple(attestors)
        self._limits = limits
        self._clock = clock

    async def run(self) -> None:
        """Serve until cancelled, then drain."""
        room = min(self._limits.connections, affordable_connections(raise_file_limit()))
        self.connections = Shares("connections", self._limits.connections_per_uid, room)
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            await self._carrier.start()
            try:
                with listening(self._path) as self._socket:
                    await self._serve()
            finally:
                await self._carrier.stop(self._limits.drain)

    async def _serve(self) -> None:
        self._paused: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket, self._accept)
        self.ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            self._loop.remove_reader(self._socket)
            self.waiting.close()
            if self._paused:
                self._paused.cancel()

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_PER_STEP):
            try:
                sock, _address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._pause(error)
                    return
                continue
            sock.setblocking(False)
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        try:
            caller = identify(sock)
            self.connections.take(caller.uid)
        except AccreditError as error:
            _logger.warning("connection refused", extra={"error": str(error)})
            sock.close()
            return
        workload = AttestedWorkload(caller, self._attest, self._tasks, self._clock)
        connection = AcceptedConnection(self, sock, workload)
        self.waiting.add(connection)
        try:
            connection.close = self._carrier.adopt(connection)
        except OSError as error:
            connection.ended()
            sock.close()
            if error.errno in _NO_ROOM:
                self._pause(error)

    async def _attest(self, caller: KernelCaller) -> Evidence:
        return await attest(caller, self._attestors, self._limits.attestation)

    def _pause(self, error: OSError) -> None:
        _logger.warning("not accepting for now", extra={"error": error.strerror})
        self._loop.remove_reader(self._socket)
        self._paused = self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
            self._loop.add_reader(self._socket, self._accept)

    def connection_ended(self, connection: AcceptedConnection) -> None:
        self.waiting.remove(connection)
        self.connections.give_back(connection.workload.caller.uid)
        if self._paused is not None:
            self._loop.call_soon(self._resume)


def _give_up(connection: AcceptedConnection) -> None:
    connection.close()
