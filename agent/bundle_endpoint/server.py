"""The bundle endpoint: accepts visitors, counts them, and serves the own trust bundle."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import traceback
from functools import partial

import h11

from accredit.agent.bundle_endpoint.answers import BundleAnswers
from accredit.agent.bundle_endpoint.identity import ServerIdentity
from accredit.agent.bundle_endpoint.listen import listening_at, network_of
from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.agent.bundle_endpoint.visit import visit
from accredit.agent.limits import Shares
from accredit.agent.refusals import Refusals
from accredit.identity.errors import AccreditError, UnavailableError

_logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
# What a mistake of ours in reading or answering a stranger raises: that costs the one visit, and
# anything else is no matter of a visit.
_MISREAD = (AccreditError, LookupError, ValueError, h11.ProtocolError)
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class BundleEndpoint:
    """A component. ``ready`` is set while visitors can connect, ``address`` is where.

    Too many visitors are hung up on before TLS has cost anything.
    """

    name = "bundle endpoint"

    def __init__(
        self, settings: EndpointSettings, identity: ServerIdentity, answers: BundleAnswers
    ) -> None:
        self.ready = asyncio.Event()
        self.address = settings.listen
        self.connections = Shares(
            "connections",
            settings.connections_per_address,
            settings.connections,
            who="address",
        )
        self._settings = settings
        self._identity = identity
        self._answers = answers
        self._refusals = Refusals()
        self._open: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled, then let visits come to their end for ``drain``.

        Raises:
            UnavailableError: the address cannot be used.
        """
        await self._identity.ready.wait()
        async with asyncio.TaskGroup() as self._visits:
            try:
                with listening_at(self._settings.listen) as listener:
                    self.address = Address(*listener.getsockname()[:2])
                    _logger.info("bundle endpoint listens", extra={"address": str(self.address)})
                    self.ready.set()
                    await self._accept_all(listener)
            finally:
                self.ready.clear()
                self._refusals.close()
                await self._drain()

    async def _accept_all(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(listener)
            except OSError as error:
                self._refusals.add(f"cannot accept: {error.strerror}")
                if error.errno in _NO_ROOM:
                    await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self._admit(sock, network_of(peer[0]))
                # Who connects without a pause would otherwise never let the others have a turn.
                await asyncio.sleep(0)

    def _admit(self, sock: socket.socket, network: str) -> None:
        try:
            context = self._identity.context()
            self.connections.take(network)
        except UnavailableError as error:
            sock.close()
            self._refusals.add(str(error))
            return
        task = self._visits.create_task(self._visit(sock, context), name="bundle endpoint/visit")
        # Not within the task: one that is cancelled before it begins never runs.
        task.add_done_callback(partial(self._ended, sock, network))
        self._open.add(task)

    async def _visit(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        settings = self._settings
        patience = settings.patience.total_seconds()
        try:
            await visit(sock, context, self._answers, patience, settings.header_bytes)
        except (OSError, TimeoutError):
            return  # gone, too slow, or no TLS: the visitor's own affair
        except _MISREAD as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = {"error": type(error).__name__, "where": f"{where.filename}:{where.lineno}"}
            _logger.error("visit failed", extra=place)  # noqa: TRY400

    def _ended(self, sock: socket.socket, network: str, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self.connections.give_back(network)
        sock.close()

    async def _drain(self) -> None:
        if self._open:
            await asyncio.wait(self._open, timeout=self._settings.drain.total_seconds())
        for task in tuple(self._open):
            task.cancel()
