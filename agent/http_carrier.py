"""HTTP/1.1 on accepted sockets: reads documents to callers that the kernel has named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from accredit.agent.limits import Limits
from accredit.agent.seam import Connection
from accredit.identity.clock import Clock

if TYPE_CHECKING:
    from accredit.agent.http_visits import Documents, HttpVisits


class HttpCarrier:
    """Serves ``documents``; a Carrier. Each connection is one task."""

    def __init__(self, documents: Documents, limits: Limits, clock: Clock) -> None:
        self._documents = documents
        self._limits = limits
        self._clock = clock
        self._open: dict[asyncio.Task[None], Connection] = {}

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Let connections live in ``tasks``."""
        self._tasks = tasks

    def adopt(self, connection: Connection) -> Callable[[], None]:
        """Serve a connection until either side ends it; returns what ends it now."""
        task = self._tasks.create_task(self._visits.serve(connection), name="http/connection")
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
        if not self._open:
            return
        answering = self._visits.answering
        self._visits.stopping = True
        await _end([task for task in self._open if task not in answering])
        if answering:
            await asyncio.wait(answering, timeout=grace.total_seconds())
        await _end(list(self._open))

    @cached_property
    def _visits(self) -> HttpVisits:
        # Few agents are ever asked over HTTP, and h11 need not be in the memory of the others.
        from accredit.agent.http_visits import HttpVisits  # noqa: PLC0415

        return HttpVisits(self._documents, self._limits, self._clock)

    def _ended(self, task: asyncio.Task[None]) -> None:
        connection = self._open.pop(task)
        connection.ended()
        connection.sock.close()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
