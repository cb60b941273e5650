"""A public socket: accepts, asks the kernel who calls, counts, and hands on."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from accredit.agent.limits import Limits, Shares, affordable_connections, raise_file_limit
from accredit.agent.refusals import Refusals
from accredit.agent.seam import Carrier
from accredit.agent.socket_path import listening
from accredit.agent.unread import Unread
from accredit.agent.waiting import Waiting
from accredit.attestation.attestor import WorkloadAttestor, attest
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.connection import AttestedWorkload
from accredit.attestation.evidence import Evidence
from accredit.identity.clock import Clock
from accredit.identity.errors import AttestationError, UnavailableError

_logger = logging.getLogger(__name__)

_ACCEPTS_PER_STEP = 32
_PAUSE_SECONDS = 1.0
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class AcceptedConnection:
    """One connection and its share of the listener's counts; a Connection of the seam."""

    __slots__ = ("_listener", "_unread", "close", "sock", "workload")

    def __init__(self, listener: Listener, sock: socket.socket, workload: AttestedWorkload) -> None:
        self._listener = listener
        self.sock = sock
        self.workload = workload
        self._unread = Unread(listener.request_bytes, workload.caller.uid, listener.now)
        self.close: Callable[[], None] = sock.close

    def stream_began(self) -> None:
        """Count one stream of its user."""
        self._listener.streams.take(self.workload.caller.uid)

    def came(self, count: int) -> None:
        """Count bytes that the caller has sent."""
        self._unread.came(count)

    def asked(self, count: int) -> None:
        """Count a whole message; the connection is no longer waited for."""
        self._unread.delivered(count)
        self._listener.waiting.remove(self)

    def stream_ended(self) -> None:
        """Count one stream less."""
        self._listener.streams.give_back(self.workload.caller.uid)

    def ended(self) -> None:
        """Forget the connection; its socket is about to be closed."""
        self._unread.close()
        self.workload.close()
        self._listener.connection_ended(self)


class Listener:
    """Serves one Unix socket, open to all, through ``carrier``; a component.

    ``ready`` is set while callers can connect; ``connections``, ``streams``, ``request_bytes`` and
    ``waiting`` (for a first request) count what there is just now, ``refusals`` and, by attestor,
    ``attestation_failures`` what has been.
    """

    def __init__(  # noqa: PLR0913  all but one by place
        self,
        path: Path,
        carrier: Carrier,
        attestors: Sequence[WorkloadAttestor],
        limits: Limits,
        clock: Clock,
        *,
        name: str = "listener",
    ) -> None:
        self.name = name
        room = min(limits.connections, affordable_connections(raise_file_limit()))
        self.ready = asyncio.Event()
        self.connections = Shares("connections", limits.connections_per_uid, room)
        self.streams = Shares("streams", limits.streams_per_uid)
        self.request_bytes = Shares(
            "bytes of requests", limits.request_bytes_per_uid, limits.request_bytes
        )
        self.now = clock.monotonic
        self.waiting = Waiting[AcceptedConnection](limits.first_request, _close)
        self._live: set[AcceptedConnection] = set()
        self._path = path
        self._carrier = carrier
        self._attestors = tuple(attestors)
        self._limits = limits
        self._clock = clock
        self.refusals = Refusals()
        self.attestation_failures: Counter[str] = Counter()
        self._pause: asyncio.TimerHandle | None = None

    @property
    def workloads(self) -> Sequence[AttestedWorkload]:
        """Everyone who is connected just now, once for each connection."""
        return [connection.workload for connection in self._live]

    async def run(self) -> None:
        """Serve until cancelled, then drain.

        Raises:
            StoreError: the socket's path cannot be used.
            UnavailableError: the carrier cannot tell callers apart.
        """
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            await self._carrier.start(self._tasks)
            try:
                with listening(self._path) as self._socket:
                    await self._serve()
            finally:
                await self._carrier.stop(self._limits.drain)

    async def _serve(self) -> None:
        self._loop.add_reader(self._socket, self._accept)
        self.ready.set()
        try:
            await self._carrier.serve()
        finally:
            self.ready.clear()
            self._loop.remove_reader(self._socket)
            self._stop_pause()
            self.waiting.close()
            self.refusals.close()

    def _accept(self) -> None:
        try:
            # Not all at once: those who are already here shall be served meanwhile.
            for _ in range(_ACCEPTS_PER_STEP):
                self._admit(self._socket.accept()[0])
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._pause_accepting(error)
            else:
                self.refusals.add(f"cannot accept: {error.strerror}")

    def _admit(self, sock: socket.socket) -> None:
        """Take a connection in, or close it; raises OSError when out of descriptors."""
        sock.setblocking(False)  # noqa: FBT003  its only argument
        try:
            self._carry(sock)
        except (AttestationError, UnavailableError, BlockingIOError) as error:
            sock.close()
            self.refusals.add(str(error))
        except OSError:
            sock.close()
            raise

    def _carry(self, sock: socket.socket) -> None:
        caller = _identify(sock)
        self.connections.take(caller.uid)
        workload = AttestedWorkload(caller, self._attest, self._tasks, self._clock)
        connection = AcceptedConnection(self, sock, workload)
        self.waiting.add(connection)
        self._live.add(connection)
        try:
            connection.close = self._carrier.adopt(connection)
        except OSError:
            connection.ended()
            raise

    async def _attest(self, caller: KernelCaller) -> Evidence:
        evidence = await attest(caller, self._attestors, self._limits.attestation)
        self.attestation_failures.update(evidence.failures.keys())
        return evidence

    def connection_ended(self, connection: AcceptedConnection) -> None:
        """Stop counting a connection that is about to close."""
        self.waiting.remove(connection)
        self._live.discard(connection)
        self.connections.give_back(connection.workload.caller.uid)
        if self._pause is not None:
            self._loop.call_soon(self._resume_accepting)  # once its descriptors are free

    def _pause_accepting(self, error: OSError) -> None:
        # The socket stays readable: to go on trying would keep the processor busy with nothing.
        _logger.warning("no connections are accepted for now", extra={"error": error.strerror})
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._resume_accepting)

    def _resume_accepting(self) -> None:
        if self._pause is not None:
            self._stop_pause()
            self._loop.add_reader(self._socket, self._accept)

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None


def _identify(sock: socket.socket) -> KernelCaller:
    try:
        return identify(sock)
    except UnavailableError as error:  # which says that we are out of descriptors
        raise OSError(errno.EMFILE, str(error)) from error


def _close(connection: AcceptedConnection) -> None:
    with suppress(OSError):
        connection.close()
