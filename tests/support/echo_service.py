"""A small real service: says who calls, sends what it is told to, fails as it is told to."""

# ruff: noqa: ARG002  every handler is given both arguments

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from accredit.identity.errors import NotEntitledError, RequestError
from accredit.rotation.delivery import Call, Method, Shape


class EchoService:
    """Answers over every shape; ``open_streams`` counts what has not been cleaned up."""

    name = "test.Echo"

    def __init__(self) -> None:
        self.open_streams = 0
        self._pushed = asyncio.Event()

    @property
    def methods(self) -> tuple[Method, ...]:
        return (
            Method("Who", Shape.UNARY, bytes, self.who),
            Method("Slow", Shape.UNARY, bytes, self.slow),
            Method("Metadata", Shape.UNARY, bytes, self.metadata),
            Method("Fail", Shape.UNARY, _decode, self.fail),
            Method("Watch", Shape.SERVER_STREAM, bytes, self.watch),
            Method("Flood", Shape.SERVER_STREAM, bytes, self.flood),
            Method("Chat", Shape.BIDI, _decode, self.chat),
        )

    def push(self) -> None:
        """Let every stream of Watch say something, and Slow answer."""
        self._pushed.set()
        self._pushed = asyncio.Event()

    async def who(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        evidence = await call.workload.evidence()
        selectors = ",".join(sorted(str(selector) for selector in evidence.selectors))
        caller = call.workload.caller
        yield f"{caller.pid} {caller.uid} {caller.gid} {selectors}".encode()

    async def slow(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        await self._pushed.wait()
        async for request in requests:
            yield request

    async def metadata(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        yield "\n".join(f"{key}={','.join(all_)}" for key, all_ in call.metadata.items()).encode()

    async def fail(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        async for request in requests:
            if request == b"bug":
                raise KeyError("secret payload")
            raise NotEntitledError("no identity for you")
        yield b""

    async def watch(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            while True:
                pushed = self._pushed  # of before, or a push meanwhile would be missed
                yield b"%d" % call.workload.caller.pid
                await pushed.wait()
        finally:
            self.open_streams -= 1

    async def flood(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            while True:
                yield b"x" * 100_000
        finally:
            self.open_streams -= 1

    async def chat(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request


def _decode(data: bytes) -> bytes:
    if data == b"garbage":
        raise RequestError("garbage")
    return data
