"""Serves metrics over HTTP/1.1, within bounds, to who can reach the socket."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import traceback
from contextlib import AbstractContextManager
from pathlib import Path

from accredit.agent.bundle_endpoint.listen import listening_at
from accredit.agent.bundle_endpoint.settings import Address
from accredit.agent.http_talk import ProtocolError, SocketWire, Talk
from accredit.agent.metrics.answers import MetricsAnswers
from accredit.agent.metrics.settings import MetricsSettings
from accredit.agent.refusals import Refusals
from accredit.agent.socket_path import listening

_logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_MODE = 0o660  # who may scrape is in the group of the folder, or is the agent's own user


class MetricsServer:
    """A component. ``ready`` is set while visitors can connect, ``address`` is where.

    Too many visitors are hung up on at once.
    """

    name = "metrics"

    def __init__(self, settings: MetricsSettings, answers: MetricsAnswers) -> None:
        self.ready = asyncio.Event()
        self.address = settings.listen
        self._settings = settings
        self._answers = answers
        self._refusals = Refusals()
        self._open: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            UnavailableError, StoreError: the address or path cannot be used.
        """
        async with asyncio.TaskGroup() as visits:
            try:
                with self._listening() as listener:
                    if isinstance(self._settings.listen, Address):
                        self.address = Address(*listener.getsockname()[:2])
                    _logger.info("metrics are served", extra={"address": str(self.address)})
                    self.ready.set()
                    await self._accept_all(listener, visits)
            finally:
                self.ready.clear()
                self._refusals.close()
                for task in tuple(self._open):
                    task.cancel()

    def _listening(self) -> AbstractContextManager[socket.socket]:
        where = self._settings.listen
        if isinstance(where, Path):
            return listening(where, _MODE)
        return listening_at(where, "metrics")

    async def _accept_all(self, listener: socket.socket, visits: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError as error:
                self._refusals.add(f"metrics: cannot accept: {error.strerror}")
                if error.errno in _NO_ROOM:
                    await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self._admit(sock, visits)
                # Who connects without a pause would otherwise never let the others have a turn.
                await asyncio.sleep(0)

    def _admit(self, sock: socket.socket, visits: asyncio.TaskGroup) -> None:
        if len(self._open) >= self._settings.connections:
            sock.close()
            self._refusals.add(f"metrics: {len(self._open)} connections are open")
            return
        task = visits.create_task(self._visit(sock), name="metrics/visit")
        self._open.add(task)
        # Not within the task: one that is cancelled before it begins never runs.
        task.add_done_callback(self._open.discard)
        task.add_done_callback(lambda _: sock.close())

    async def _visit(self, sock: socket.socket) -> None:
        patience = self._settings.patience.total_seconds()
        try:
            async with asyncio.timeout(patience):
                await self._answer(Talk(SocketWire(sock), patience, self._settings.header_bytes))
        except (OSError, TimeoutError):
            return  # gone, or too slow: the visitor's own affair
        except Exception as error:  # noqa: BLE001  a bug must cost one visit, not the agent
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = {"error": type(error).__name__, "where": f"{where.filename}:{where.lineno}"}
            _logger.error("metrics failed", extra=place)  # noqa: TRY400

    async def _answer(self, talk: Talk) -> None:
        try:
            request = await talk.request()
            if request is None:
                return
            answer = self._answers.answer(request)
        except ProtocolError as error:
            answer = self._answers.refusal(error.status, str(error))
        await talk.say(answer)
