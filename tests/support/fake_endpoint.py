"""A Workload Endpoint over real gRPC that answers each call as a test has scripted it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc import aio


@dataclass(frozen=True)
class Script:
    """Send ``messages``, then end with ``code``; None keeps the call open."""

    messages: tuple[bytes, ...] = ()
    code: grpc.StatusCode | None = None


@dataclass(frozen=True)
class SeenCall:
    method: str
    request: bytes
    metadata: dict[str, Any]


class FakeEndpoint(grpc.GenericRpcHandler):
    """Each call takes the next script, and the last one is for all further calls."""

    def __init__(self, path: Path, *scripts: Script) -> None:
        self.address = f"unix://{path}"
        self.seen: list[SeenCall] = []
        self.cancelled = 0
        self._scripts = list(scripts)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self,))
        server.add_insecure_port(self.address)
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        metadata = dict(handler_call_details.invocation_metadata or ())

        async def answer(requests: Any, context: Any) -> None:
            request = b"".join([each async for each in requests])
            self.seen.append(SeenCall(handler_call_details.method, request, metadata))
            script = self._scripts.pop(0) if self._scripts[1:] else self._scripts[0]
            for message in script.messages:
                await context.write(message)
            await self._end(script, context)

        return grpc.stream_stream_rpc_method_handler(answer)

    async def _end(self, script: Script, context: Any) -> None:
        if script.code is None:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        elif script.code is not grpc.StatusCode.OK:
            await context.abort(script.code, "as scripted")
