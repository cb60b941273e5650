"""Channels to a local endpoint, and what the errors of calls over them mean here."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from urllib.parse import quote

import grpc
import grpc.aio
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.workload_api.endpoint import Endpoint, UnixEndpoint

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
_MAX_CHARS = 500
# What gRPC says of a connection that could not be made: addresses, then why not.
_NOT_CONNECTED = re.compile(
    "failed to connect to all addresses; "
    ".*(?:connect failed: .* error|Failed to connect to remote host): (.+)"
)
_NOBODY_THERE = {os.strerror(errno.ENOENT), os.strerror(errno.ECONNREFUSED)}


def open_channel(endpoint: Endpoint) -> grpc.aio.Channel:
    """Return a channel with a connection of its own."""
    return grpc.aio.insecure_channel(_target(endpoint), options=_OPTIONS)


async def send(call: grpc.aio.StreamStreamCall[bytes, bytes], request: bytes) -> None:
    """Send a request, or nothing if the call has ended: reading then tells how.

    ``call.write`` would put an error of its own in place of the server's status, if that comes
    while it writes.

    Raises:
        grpc.aio.AioRpcError: the connection could not be made.
    """
    await call.wait_for_connection()
    if not call.done():
        with suppress(cygrpc.InternalError):
            await call._cython_call.send_serialized_message(request)  # type: ignore[attr-defined]  # noqa: SLF001


def translate(error: grpc.aio.AioRpcError, place: str) -> AccreditError:
    """Return the error in our words: one line, bounded, whatever the server wrote."""
    details = _why(" ".join((error.details() or "no details").split()))[:_MAX_CHARS]
    shown = "".join(c if c.isprintable() else "?" for c in details)
    kind = _ERRORS.get(error.code(), UnavailableError)
    return kind(f"{place}: {error.code().name}: {shown}")


def _why(details: str) -> str:
    if not (found := _NOT_CONNECTED.fullmatch(details)):
        return details
    cure = "; is the agent running, and is this its socket?" if found[1] in _NOBODY_THERE else ""
    return f"cannot connect: {found[1]}{cure}"


def _target(endpoint: Endpoint) -> str:
    if isinstance(endpoint, UnixEndpoint):
        return "unix:" + quote(endpoint.path)
    return f"ipv{endpoint.host.version}:{quote(endpoint.authority, safe=':[]')}"
