"""Calls to a Workload API endpoint in bytes: the only part of the client that knows grpc."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import quote

import grpc
import grpc.aio

from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.workload_api.endpoint import Endpoint, UnixEndpoint
from accredit.workload_api.header import SECURITY_HEADER, SECURITY_VALUE

_METADATA = ((SECURITY_HEADER, SECURITY_VALUE),)
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # the endpoint is local
    ("grpc.use_local_subchannel_pool", 1),  # a failed connection must not delay the next call's
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)
_ERRORS: dict[grpc.StatusCode, type[AccreditError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestError,
    grpc.StatusCode.PERMISSION_DENIED: NotEntitledError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
}


async def stream(
    endpoint: Endpoint, method: str, request: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """Yield the messages of one streaming call over a connection of its own.

    Raises:
        RequestError, NotEntitledError, UnimplementedError: what the endpoint answered.
        UnavailableError: any other end, a friendly one too: these streams are meant to last.
    """
    async with _channel(endpoint) as channel:
        start: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        start = channel.unary_stream(_path(method))
        call = start(request, metadata=_METADATA)
        try:
            # Iterating over the call would make it part of a reference cycle, and its connection
            # would stay open until the garbage collector comes by.
            while isinstance(message := await call.read(), bytes):
                yield message
        except grpc.aio.AioRpcError as error:
            raise _translate(error, method, endpoint) from None
        finally:
            call.cancel()
    raise UnavailableError(f"{method} at {endpoint}: the endpoint has ended the stream")


async def unary(endpoint: Endpoint, method: str, request: bytes) -> bytes:
    """Return the answer to one call; raises what ``stream`` does."""
    async with _channel(endpoint) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_path(method))
        try:
            return await ask(request, metadata=_METADATA)
        except grpc.aio.AioRpcError as error:
            raise _translate(error, method, endpoint) from None


def _channel(endpoint: Endpoint) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(_target(endpoint), options=_OPTIONS)


def _target(endpoint: Endpoint) -> str:
    if isinstance(endpoint, UnixEndpoint):
        return "unix:" + quote(endpoint.path)
    return f"ipv{endpoint.host.version}:{quote(endpoint.authority, safe=':[]')}"


def _path(method: str) -> str:
    return f"/SpiffeWorkloadAPI/{method}"


def _translate(error: grpc.aio.AioRpcError, method: str, endpoint: Endpoint) -> AccreditError:
    kind = _ERRORS.get(error.code(), UnavailableError)
    return kind(f"{method} at {endpoint}: {error.code().name}: {error.details() or 'no details'}")
