"""Our SDS with certificates that a test dictates, in a thread, for tests that block."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from accredit.rotation.clock import SystemClock
from accredit.rotation.delivery import Call, Method
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.service import SecretDiscovery
from support.scripted_identities import ScriptedIdentities
from support.serving import serving


class ScriptedSds:
    """Serves ``first`` at ``socket``, to everybody alike; ``calls`` counts streams by method."""

    def __init__(self, socket: Path, first: Snapshot) -> None:
        self.socket = socket
        self.calls: Counter[str] = Counter()
        self._first = first
        self._ready = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[ScriptedSds]:
        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(asyncio.run, self._serve())
            try:
                assert self._ready.wait(20) or served.exception(0) is None
                yield self
            finally:
                self._loop.call_soon_threadsafe(self._done.set)
                served.result(20)

    def publish(self, newest: Snapshot) -> None:
        """Send everybody the newest state."""
        self._loop.call_soon_threadsafe(self._identities.publish, newest)

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._identities = ScriptedIdentities(self._first)
        with contextlib.closing(SystemClock()) as clock:
            service = _Counted(SecretDiscovery(self._identities, None, clock), self.calls)
            async with serving(self.socket, clock, service):
                self._ready.set()
                await self._done.wait()


class _Counted:
    def __init__(self, service: SecretDiscovery, calls: Counter[str]) -> None:
        self.name = service.name
        self.methods = tuple(self._counted(method, calls) for method in service.methods)

    def _counted(self, method: Method, calls: Counter[str]) -> Method:
        async def serve(requests: Any, call: Call) -> AsyncIterator[bytes]:
            calls[method.name] += 1
            messages: Any = method.handler(requests, call)
            async with contextlib.aclosing(messages):
                async for message in messages:
                    yield message

        return replace(method, handler=serve)
