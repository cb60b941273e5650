"""grpcio's calls, one kind for each shape of method, as calls of our services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import grpc
from grpc import aio

from accredit.agent.calls import OK, STOPPING, Metadata, Send, Status, serve
from accredit.agent.seam import Connection
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.rotation.delivery import Method, Service, Shape

_LAST_WORDS_SECONDS = 1.0

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
        self._calls: dict[asyncio.Task[Any], Method] = {}
        self._stopping = False
        self.by_path = {
            f"/{service.name}/{method.name}": self._handler(method)
            for service in services
            for method in service.methods
        }

    async def stop(self, grace: timedelta) -> None:
        """End all calls with UNAVAILABLE: streams at once, those with one answer after ``grace``.

        A client that does not take what it is told is not waited for much longer.
        """
        self._stopping = True
        unary = [task for task, method in self._calls.items() if method.shape is Shape.UNARY]
        await _end([task for task in self._calls if task not in unary])
        if unary:
            await asyncio.wait(unary, timeout=grace.total_seconds())
        await _end(list(self._calls))

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
            await self._serve(method, request, context, _writer(context))

        return answer

    def _bidi(self, method: Method) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        async def answer(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._serve(method, requests, context, _writer(context))

        return answer

    async def _serve(
        self, method: Method, requests: Requests, context: Context, send: Send
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: coroutines run in tasks
        self._calls[task] = method
        try:
            status = await self._status(method, requests, context, send)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            status = STOPPING
        finally:
            # What is left is to say how it ended, which is worth waiting for, but not twice.
            del self._calls[task]
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


async def _end(calls: Sequence[asyncio.Task[Any]]) -> None:
    for task in calls:
        task.cancel()
    if calls:
        await asyncio.wait(calls, timeout=_LAST_WORDS_SECONDS)


def _writer(context: Context) -> Send:
    async def send(message: bytes) -> None:
        try:
            await context.write(message)
        except aio.BaseError as error:
            raise UnavailableError("the call has ended") from error

    return send


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
