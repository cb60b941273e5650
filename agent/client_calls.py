"""Calls to a Workload API endpoint, in bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import grpc.aio

from accredit.agent.grpc_client import open_channel, translate
from accredit.identity.errors import UnavailableError
from accredit.workload_api.endpoint import Endpoint
from accredit.workload_api.header import SECURITY_HEADER, SECURITY_VALUE

_METADATA = ((SECURITY_HEADER, SECURITY_VALUE),)


async def stream(
    endpoint: Endpoint, method: str, request: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """Yield the messages of one streaming call over a connection of its own.

    Raises:
        RequestError, NotEntitledError, UnimplementedError: what the endpoint answered.
        UnavailableError: any other end, a friendly one too: these streams are meant to last.
    """
    async with open_channel(endpoint) as channel:
        start: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        start = channel.unary_stream(_path(method))
        call = start(request, metadata=_METADATA)
        try:
            # Iterating over the call would make it part of a reference cycle, and its connection
            # would stay open until the garbage collector comes by.
            while isinstance(message := await call.read(), bytes):
                yield message
        except grpc.aio.AioRpcError as error:
            raise translate(error, f"{method} at {endpoint}") from None
        finally:
            call.cancel()
    raise UnavailableError(f"{method} at {endpoint}: the endpoint has ended the stream")


async def unary(endpoint: Endpoint, method: str, request: bytes) -> bytes:
    """Return the answer to one call; raises what ``stream`` does."""
    async with open_channel(endpoint) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_path(method))
        try:
            return await ask(request, metadata=_METADATA)
        except grpc.aio.AioRpcError as error:
            raise translate(error, f"{method} at {endpoint}") from None


def _path(method: str) -> str:
    return f"/SpiffeWorkloadAPI/{method}"
