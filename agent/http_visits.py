"""What is said on the connections of the HTTP carrier; only loaded once somebody connects."""

from __future__ import annotations

import asyncio
import logging
import traceback
from contextlib import suppress
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


class HttpVisits:
    """Serves ``documents`` to one connection in each task that calls :meth:`serve`.

    ``answering`` are the tasks that have a request to answer. Once ``stopping`` is set, each
    connection is closed with its next answer.
    """

    def __init__(self, documents: Documents, limits: Limits, clock: Clock) -> None:
        self.answering: set[asyncio.Task[None]] = set()
        self.stopping = False
        self._documents = documents
        self._patience = limits.first_request.total_seconds()
        self._header_bytes = limits.header_bytes
        self._clock = clock

    async def serve(self, connection: Connection) -> None:
        """Answer on one connection until either side ends it."""
        talk = Talk(SocketWire(connection.sock), self._patience, self._header_bytes)
        with suppress(OSError, TimeoutError):
            while not self.stopping and await self._one(talk, connection):  # noqa: ASYNC110  below
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
        self.answering.add(task)
        try:
            return await talk.say(await self._answer(request, connection))
        finally:
            self.answering.discard(task)

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
        return Answer(status, headers, document.body, close=self.stopping)

    def _refusal(
        self, status: int, reason: str, *more: tuple[str, str], close: bool = False
    ) -> Answer:
        headers = (("content-type", "text/plain; charset=utf-8"), *more, self._date())
        return Answer(status, headers, f"{reason}\n".encode(), close=close or self.stopping)

    def _date(self) -> tuple[str, str]:
        return "date", format_datetime(self._clock.now(), usegmt=True)
