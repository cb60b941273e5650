"""HTTP/1.1 on accepted sockets: reads documents to callers that the kernel has named."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Protocol

from accredit.agent.http_talk import Answer, ProtocolError, Request, SocketWire, Talk
from accredit.agent.jwks import Document
from accredit.agent.limits import Limits
from accredit.agent.seam import Connection
from accredit.attestation.workload import Workload
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError

_logger = logging.getLogger(__name__)

_METHODS = ("GET", "HEAD")
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "UNAVAILABLE": 503,
}


class Documents(Protocol):
    """What is served."""

    async def find(self, target: str, workload: Workload) -> Document:
        """Return what a caller finds at a path; an AccreditError is told to it."""
        ...


class HttpCarrier:
    """Serves ``documents``; a Carrier. Each connection is one task."""

    def __init__(self, documents: Documents, limits: Limits, clock: Clock) -> None:
        self._documents = documents
        self._patience = limits.first_request.total_seconds()
        self._header_bytes = limits.header_bytes
        self._clock = clock
        self._open: dict[asyncio.Task[None], Connection] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let connections live in ``tasks``."""
        self._tasks = tasks

    def adopt(self, connection: Connection) -> Callable[[], None]:
        """Serve a connection until either side ends it; returns what ends it now."""
        task = self._tasks.create_task(self._serve(connection), name="http/connection")
        self._open[task] = connection
        # Not within the task: one that is cancelled before it begins never runs.
        task.add_done_callback(self._ended)

        def close() -> None:
            task.cancel()

        return close

    async def serve(self) -> None:
        """Wait: nothing here ends by itself."""
        await asyncio.Event().wait()

    async def stop(self, grace: timedelta) -> None:
        """Close what waits for a request, let answers finish within ``grace``, close all."""
        self._stopping = True
        await _end([task for task in self._open if task not in self._answering])
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace.total_seconds())
        await _end(list(self._open))

    def _ended(self, task: asyncio.Task[None]) -> None:
        connection = self._open.pop(task)
        connection.ended()
        connection.sock.close()

    async def _serve(self, connection: Connection) -> None:
        talk = Talk(SocketWire(connection.sock), self._patience, self._header_bytes)
        with suppress(OSError, TimeoutError):
            while not self._stopping and await self._one(talk, connection):  # noqa: ASYNC110  below
                # Who sends without a pause would otherwise never let anybody else have a turn.
                await asyncio.sleep(0)

    async def _one(self, talk: Talk, connection: Connection) -> bool:
        """Answer one request; return whether another may follow."""
        try:
            request = await talk.request()
        except ProtocolError as error:
            return await talk.say(self._refusal(error.status, str(error), close=True))
        if request is None:
            return False
        connection.asked(0)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: coroutines run in tasks
        self._answering.add(task)
        try:
            return await talk.say(await self._answer(request, connection))
        finally:
            self._answering.discard(task)

    async def _answer(self, request: Request, connection: Connection) -> Answer:
        if request.method not in _METHODS:
            allowed = ("allow", ", ".join(_METHODS))
            return self._refusal(405, "there is nothing to do here but GET", allowed, close=True)
        try:
            document = await self._find(request.target, connection)
        except AccreditError as error:
            return self._refusal(_STATUSES.get(error.status, 500), str(error))
        except Exception as error:  # noqa: BLE001  a bug must cost one answer and tell nobody anything
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = {"error": type(error).__name__, "where": f"{where.filename}:{where.lineno}"}
            _logger.error("request failed", extra=place)  # noqa: TRY400
            return self._refusal(500, "internal error", close=True)
        return self._found(document, request)

    async def _find(self, target: str, connection: Connection) -> Document:
        connection.stream_began()
        try:
            caller = connection.workload.caller
            caller.require_same()
            document = await self._documents.find(target, connection.workload)
            # What was true when it asked must still be true when it is told.
            caller.require_same()
        finally:
            connection.stream_ended()
        return document

    def _found(self, document: Document, request: Request) -> Answer:
        # It may be kept, but is to be asked for again each time: keys come and go.
        headers = (
            ("content-type", document.content_type),
            ("etag", document.etag),
            ("cache-control", "no-cache"),
            self._date(),
        )
        status = 304 if request.has(document.etag) else 200
        return Answer(status, headers, document.body, close=self._stopping)

    def _refusal(
        self, status: int, reason: str, *more: tuple[str, str], close: bool = False
    ) -> Answer:
        headers = (("content-type", "text/plain; charset=utf-8"), *more, self._date())
        return Answer(status, headers, f"{reason}\n".encode(), close=close or self._stopping)

    def _date(self) -> tuple[str, str]:
        return "date", format_datetime(self._clock.now(), usegmt=True)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
