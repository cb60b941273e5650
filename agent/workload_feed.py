"""What a Workload API tells this process, shared by all who make something of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from accredit.agent.client import JWT_BUNDLES, X509_CONTEXT, Stream, WorkloadApiClient
from accredit.rotation.watcher import Watcher
from accredit.workload_api.contexts import JwtBundles, X509Context
from accredit.workload_api.held import Held

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

WITHDRAWN = "withdrawn; files that are there stay until they expire"


class WorkloadFeed:
    """The newest state of both profiles; one stream for each that anybody wants."""

    def __init__(self, client: WorkloadApiClient) -> None:
        self.client = client
        self.x509: Held[X509Context] = Held()
        self.jwt: Held[JwtBundles] = Held()
        self._watchers: set[Watcher] = set()
        self._followed: dict[str, asyncio.Task[None]] = {}

    def follow(self, tasks: asyncio.TaskGroup, *, x509: bool, jwt: bool) -> None:
        """Follow the profiles that are wanted, unless they are followed already, in ``tasks``.

        Such a task raises UnimplementedError if the endpoint does not have the profile, and
        RequestError if it takes us for no client of this API.
        """
        if x509 and "x509" not in self._followed:
            stream = self._follow(X509_CONTEXT, self._take_x509)
            self._followed["x509"] = tasks.create_task(stream, name="X.509 profile")
        if jwt and "jwt" not in self._followed:
            stream = self._follow(JWT_BUNDLES, self._take_jwt)
            self._followed["jwt"] = tasks.create_task(stream, name="JWT profile")

    def close(self) -> None:
        """Follow nothing more."""
        for task in self._followed.values():
            task.cancel()

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """Wake somebody whenever something changed, and once at the beginning."""
        watcher = Watcher()
        watcher.wake()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def wake(self) -> None:
        """Wake everybody."""
        for watcher in self._watchers:
            watcher.wake()

    async def _follow(self, stream: Stream[_T], take: Callable[[Held[_T]], None]) -> None:
        before: Held[_T] = Held()
        async with aclosing(self.client.watch(stream)) as states:
            async for held in states:
                take(held)
                _tell(stream.method, before, held)
                before = held
                self.wake()

    def _take_x509(self, held: Held[X509Context]) -> None:
        self.x509 = held

    def _take_jwt(self, held: Held[JwtBundles]) -> None:
        self.jwt = held


def _tell(method: str, before: Held[_T], now: Held[_T]) -> None:
    """Log what a person should know, once; a state that is simply newer is not told here."""
    if now.problem == before.problem:
        return
    extra = {"method": method, "reason": now.problem}
    if before.material is not None and now.material is None:
        _logger.error(WITHDRAWN, extra=extra)
    elif now.problem:
        _logger.warning("the Workload API does not answer as it should", extra=extra)
    else:
        _logger.info("the Workload API answers again", extra={"method": method})
