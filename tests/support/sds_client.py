"""A client in the same process: talks to a service's method as the transport would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, TypeVar

from accredit.attestation.workload import Workload
from accredit.identity.errors import AccreditError
from accredit.rotation.delivery import Call, Service
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.proto import tls_pb2

M = TypeVar("M", pb.DiscoveryResponse, pb.DeltaDiscoveryResponse)


class Conversation(Generic[M]):
    """One stream: ``say`` a request, ``hear`` the next message. Clear ``reading`` to be slow."""

    def __init__(self, parse: Callable[[bytes], M]) -> None:
        self.requests: asyncio.Queue[Any] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self._heard: asyncio.Queue[M | AccreditError | None] = asyncio.Queue()
        self._parse: Callable[[bytes], M] = parse

    async def say(self, request: Any) -> None:
        await self.requests.put(request)

    async def end(self) -> None:
        await self.requests.put(None)

    async def hear(self) -> M:
        """Return the next message, raise the error that ended the stream, or EOFError."""
        async with asyncio.timeout(30):
            heard = await self._heard.get()
        if isinstance(heard, AccreditError):
            raise heard
        if heard is None:
            raise EOFError
        return heard

    async def silent(self) -> bool:
        """Let everything settle; tell whether nothing more was said."""
        for _ in range(100):
            await asyncio.sleep(0)
        return self._heard.empty()

    async def listen(self, answers: AsyncIterator[bytes]) -> None:
        """Take each answer as the transport does: when the one before has been written."""
        last: AccreditError | None = None
        async with aclosing(answers):  # type: ignore[type-var]
            try:
                async for answer in answers:
                    await self._heard.put(self._parse(answer))
                    await self.reading.wait()
            except AccreditError as error:
                last = error
        await self._heard.put(last)


def names(message: pb.DiscoveryResponse | pb.DeltaDiscoveryResponse) -> list[str]:
    """Return the names of the secrets in a message."""
    packed: list[Any] = [getattr(each, "resource", each) for each in message.resources]
    return [tls_pb2.Secret.FromString(each.value).name for each in packed]


async def call(service: Service, method: str, workload: Workload, *requests: Any) -> list[bytes]:
    """Send ``requests``, end, and return every answer."""
    (found,) = [each for each in service.methods if each.name == method]

    async def said() -> AsyncIterator[Any]:
        for request in requests:
            yield found.decode(request.SerializeToString())

    return [answer async for answer in found.handler(said(), Call(workload, {}))]


@asynccontextmanager
async def conversation(
    service: Service, method: str, workload: Workload, parse: Callable[[bytes], M]
) -> AsyncGenerator[Conversation[M], None]:
    """Open one stream and close it at the end, as a transport does."""
    (found,) = [each for each in service.methods if each.name == method]

    async def requests() -> AsyncIterator[Any]:
        while (request := await talk.requests.get()) is not None:
            yield found.decode(request.SerializeToString())

    talk: Conversation[M] = Conversation(parse)
    async with asyncio.TaskGroup() as tasks:
        answers = found.handler(requests(), Call(workload, {}))
        listening = tasks.create_task(talk.listen(answers))
        try:
            yield talk
        finally:
            listening.cancel()
