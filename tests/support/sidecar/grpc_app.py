"""A gRPC service of bytes, and its stub: echoes, fails and waits as told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

SERVICE = "legacy.Echo"
TRAILER = ("x-trailer", "kept")


def _echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((TRAILER,))
    return request


def _metadata(_: bytes, context: grpc.ServicerContext) -> bytes:
    seen = [(key, value) for key, value in context.invocation_metadata() if isinstance(value, str)]
    return json.dumps([*seen, ("deadline", str(context.time_remaining()))]).encode()


def _fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((TRAILER, ("detail-bin", b"\x00\xff")))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, request.decode())
    raise AssertionError("abort raises")


def _wait(_: bytes, context: grpc.ServicerContext) -> bytes:
    cancelled = threading.Event()
    context.add_callback(cancelled.set)
    cancelled.wait(30)
    return b"nobody waits any more"


def _chat(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
    for request in requests:
        yield b"you said " + request


_HANDLERS: dict[str, Any] = {
    "Echo": grpc.unary_unary_rpc_method_handler(_echo),
    "Metadata": grpc.unary_unary_rpc_method_handler(_metadata),
    "Fail": grpc.unary_unary_rpc_method_handler(_fail),
    "Wait": grpc.unary_unary_rpc_method_handler(_wait),
    "Chat": grpc.stream_stream_rpc_method_handler(_chat),
}


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Serve meanwhile; yields the port."""
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, _HANDLERS),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


def unary(channel: grpc.Channel, method: str) -> Any:
    """Return the stub of a unary method."""
    return channel.unary_unary(f"/{SERVICE}/{method}")


def chat(channel: grpc.Channel) -> Any:
    """Return the stub of the streaming method."""
    return channel.stream_stream(f"/{SERVICE}/Chat")
