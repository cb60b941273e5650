"""grpcio's calls, one kind for each shape of method, as calls of our services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
from grpc import aio

from accredit.agent.calls import OK, STOPPING, Metadata, Send, Status, serve
from accredit.agent.seam import Connection
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.rotation.delivery import Method, Service, Shape

Context = aio.ServicerContext[bytes, bytes]
Find = Callable[[str], Connection]
Requests = bytes | AsyncIterator[bytes]
"""The one request, or all of them."""


class Handlers:
    """Every method of ``services``; ``find`` gives the connection with a peer name, or raises.

    ``by_path`` is what grpcio is told.
    """

    def __init__(self, services: Sequence[Service], find: Find) -> None:
        self._find = find
        self._streams: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self.by_path = {
            f"/{service.name}/{method.name}": self._handler(method)
            for service in services
            for method in service.methods
        }

    def stop_streams(self) -> None:
        """End every stream with UNAVAILABLE; requests with one answer go on."""
        self._stopping = True
        for task in self._streams:
            task.cancel()

    def _handler(self, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
        match method.shape:
            case Shape.UNARY:
                return grpc.unary_unary_rpc_method_handler(self._unary(method))
            case Shape.SERVER_STREAM:
                return grpc.unary_stream_rpc_method_handler(self._server_stream(method))
            case Shape.BIDI:
                return grpc.stream_stream_rpc_method_handler(self._bidi(method))

    def _unary(self, method: Method) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def answer(request: bytes, context: Context) -> bytes:
            answers: list[bytes] = []

            async def keep(message: bytes) -> None:
                answers.append(message)

            await self._serve(method, request, context, keep)
            return answers[0]

        return answer

    def _server_stream(self, method: Method) -> Callable[[bytes, Context], Awaitable[None]]:
        async def answer(request: bytes, context: Context) -> None:
            await self._stream(method, request, context)

        return answer

    def _bidi(self, method: Method) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        async def answer(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._stream(method, requests, context)

        return answer

    async def _stream(self, method: Method, requests: Requests, context: Context) -> None:
        async def send(message: bytes) -> None:
            try:
                await context.write(message)
            except aio.BaseError as error:
                raise UnavailableError("the call has ended") from error

        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: coroutines run in tasks
        self._streams.add(task)
        try:
            await self._serve(method, requests, context, send)
        finally:
            self._streams.discard(task)

    async def _serve(
        self, method: Method, requests: Requests, context: Context, send: Send
    ) -> None:
        try:
            status = await self._status(method, requests, context, send)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            status = STOPPING
        if status is not OK:
            await _abort(context, status)

    async def _status(
        self, method: Method, requests: Requests, context: Context, send: Send
    ) -> Status:
        if self._stopping:
            return STOPPING
        try:
            connection = self._find(context.peer())
        except AttestationError as error:
            return Status(error.status, str(error))
        if isinstance(requests, bytes):
            connection.asked(len(requests))
            messages = _once(requests)
        else:
            messages = _each(requests, connection)
        return await serve(method, connection, messages, _metadata(context), send)


async def _once(request: bytes) -> AsyncIterator[bytes]:
    yield request


async def _each(requests: AsyncIterator[bytes], connection: Connection) -> AsyncIterator[bytes]:
    async for request in requests:
        connection.asked(len(request))
        yield request


async def _abort(context: Context, status: Status) -> None:
    try:
        await context.abort(grpc.StatusCode[status.code], status.details)
    except aio.UsageError:
        raise asyncio.CancelledError from None  # it has ended already; nobody is told


def _metadata(context: Context) -> Metadata:
    """Return the text metadata; binary keys (``...-bin``) mean nothing to us."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            found[key] = (*found.get(key, ()), value)
    return found
