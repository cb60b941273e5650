"""The floor: a bare grpc.aio server that sends the same bytes, with no agent around it.

No relay, no attestation, no entries, no rotation. ``python -m bench.floor SOCKET X509 SDS`` serves
the bytes of two files; SIGUSR1 makes it push the second one to every SDS stream.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from bench.methods import FETCH_X509_SVID, STREAM_SECRETS

Context = aio.ServicerContext[bytes, bytes]


class Floor(grpc.GenericRpcHandler):
    """Answers the two methods the bench calls."""

    def __init__(self, x509: bytes, sds: bytes) -> None:
        self._sds = sds
        self._x509 = x509
        self._streams: set[Context] = set()
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            FETCH_X509_SVID: grpc.unary_stream_rpc_method_handler(self._fetch_x509_svid),
            STREAM_SECRETS: grpc.stream_stream_rpc_method_handler(self._stream_secrets),
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of one method."""
        return self._handlers.get(handler_call_details.method)

    async def push(self) -> None:
        """Send the SDS message to every stream."""
        for context in tuple(self._streams):
            await context.write(self._sds)

    async def _fetch_x509_svid(self, _request: bytes, context: Context) -> None:
        await context.write(self._x509)
        await asyncio.Event().wait()

    async def _stream_secrets(self, requests: AsyncIterator[bytes], context: Context) -> None:
        async for _ in requests:
            if context not in self._streams:
                self._streams.add(context)
                await context.write(self._sds)
        self._streams.discard(context)


async def _serve(address: str, x509: bytes, sds: bytes) -> None:
    floor = Floor(x509, sds)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((floor,))
    server.add_insecure_port(f"unix:{address}")
    await server.start()
    pushed = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, pushed.set)
    while True:
        await pushed.wait()
        pushed.clear()
        await floor.push()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()))
