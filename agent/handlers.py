"""From grpcio's calls to the methods of our services, and from our errors to gRPC's codes.

Whatever the shape of a method, one path serves it: the caller is found by the connection, checked,
counted, handed to the method's generator, and checked again before the first answer leaves. At
most one message of a stream is on its way: the generator is not asked for the next one before the
last has been written.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from accredit.agent.seam import Connection
from accredit.identity.errors import AccreditError, UnavailableError
from accredit.rotation.delivery import Call, Method, Service, Shape

_logger = logging.getLogger(__name__)

_MAX_DETAILS = 1000

Context = aio.ServicerContext[bytes, bytes]
Send = Callable[[bytes], Awaitable[None]]
Find = Callable[[str], Connection]


class Handlers(grpc.GenericRpcHandler):
    """Every method of ``services``; ``find`` gives the connection with a peer name, or raises."""

    def __init__(self, services: Sequence[Service], find: Find) -> None:
        self._find = find
        self._streams: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._handlers = {
            f"/{service.name}/{method.name}": self._handler(method)
            for service in services
            for method in service.methods
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of one method, or None, which makes it UNIMPLEMENTED."""
        return self._handlers.get(handler_call_details.method)

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
        async def serve(request: bytes, context: Context) -> bytes:
            answers: list[bytes] = []

            async def keep(answer: bytes) -> None:
                answers.append(answer)

            await self._serve(method, _decoded(method, _once(request)), context, keep)
            return answers[0]

        return serve

    def _server_stream(self, method: Method) -> Callable[[bytes, Context], Awaitable[None]]:
        async def serve(request: bytes, context: Context) -> None:
            requests = _decoded(method, _once(request))
            await self._stream(method, requests, context)

        return serve

    def _bidi(self, method: Method) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._stream(method, _decoded(method, requests), context)

        return serve

    async def _stream(self, method: Method, requests: AsyncIterator[Any], context: Context) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  for mypy: coroutines run in tasks
        self._streams.add(task)
        try:
            await self._serve(method, requests, context, context.write)
        finally:
            self._streams.discard(task)

    async def _serve(
        self, method: Method, requests: AsyncIterator[Any], context: Context, send: Send
    ) -> None:
        try:
            await self._answer(method, requests, context, send)
        except AccreditError as error:
            await context.abort(grpc.StatusCode[error.status], str(error)[:_MAX_DETAILS])
        except DecodeError:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"the request is no message of {method.name}"
            )
        except asyncio.CancelledError:
            if not self._stopping:
                raise
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the agent is stopping")
        except aio.BaseError:
            raise  # the call ended under us, or was aborted
        except Exception as error:  # noqa: BLE001  a bug must cost one call and say nothing
            _logger.error("method failed", extra={"method": method.name, **_where(error)})
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")

    async def _answer(
        self, method: Method, requests: AsyncIterator[Any], context: Context, send: Send
    ) -> None:
        if self._stopping:
            raise UnavailableError("the agent is stopping")
        connection = self._find(context.peer())
        connection.stream_began()
        try:
            caller = connection.workload.caller
            caller.require_same()
            call = Call(connection.workload, _metadata(context))
            async with aclosing(method.handler(requests, call)) as answers:
                checked = False
                async for answer in answers:
                    if not checked:
                        caller.require_same()
                        checked = True
                    await send(answer)
        finally:
            connection.stream_ended()


async def _once(request: bytes) -> AsyncIterator[bytes]:
    yield request


async def _decoded(method: Method, requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for request in requests:
        yield method.decode(request)


def _metadata(context: Context) -> Mapping[str, tuple[str, ...]]:
    """Return the text metadata; binary keys (``...-bin``) mean nothing to us."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            found[key] = (*found.get(key, ()), value)
    return found


def _where(error: Exception) -> dict[str, str]:
    """Describe a bug without its text, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "where": " < ".join(reversed(places))}
