"""Proof, at start-up, that grpcio still tells connections apart as the transport relies on.

Older releases gave the listener's own name as the peer's, and a later one might do so again. So
before anyone is served, connections with known names, and one without, each make a request, and
what grpcio says of their peers is compared.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import grpc
from grpc import aio

from accredit.attestation.workload import Workload
from accredit.identity.errors import UnavailableError

_METHOD = "/accredit.SelfTest/Peer"
_SECONDS = 5.0


class SelfTest(grpc.GenericRpcHandler):
    """A method that reports its peer, until it is closed."""

    def __init__(self) -> None:
        self._peers: asyncio.Queue[str] | None = asyncio.Queue()

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Answer the self test's method only, and only while it runs."""
        if self._peers is None or handler_call_details.method != _METHOD:
            return None
        return grpc.stream_stream_rpc_method_handler(self._report)

    def close(self) -> None:
        """Be gone for everyone else."""
        self._peers = None

    async def peer_of(self, sock: socket.socket) -> str:
        """Return what grpcio calls the peer of a connection, asked over its other end ``sock``.

        Raises:
            UnavailableError: grpcio does not answer.
        """
        sock.sendall(_request())
        assert self._peers is not None  # noqa: S101  for mypy: closed once, at the end
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._peers.get()
        except TimeoutError:
            raise UnavailableError("grpcio does not answer its own process") from None

    async def _report(self, _requests: object, context: aio.ServicerContext[Any, Any]) -> None:
        if self._peers is not None:
            self._peers.put_nowait(context.peer())


class Probe:
    """A connection of our own, to be recognised."""

    def __init__(self) -> None:
        self.ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)  # noqa: FBT003  its only argument

    @property
    def workload(self) -> Workload:
        """Nobody: it is never served."""
        raise UnavailableError("the agent is starting")

    def stream_began(self) -> None:
        """Refuse, like ``workload``."""
        raise UnavailableError("the agent is starting")

    def stream_asked(self) -> None:
        """Nothing to count."""

    def stream_ended(self) -> None:
        """Nothing to count."""

    def ended(self) -> None:
        """Close our end too."""
        self.ours.close()


def _request() -> bytes:
    """Return one gRPC request in plain HTTP/2: preface, SETTINGS, HEADERS that end the stream."""
    fields = bytes([0x83, 0x86])  # :method POST and :scheme http, RFC 7541 appendix A
    fields += bytes([0x04, len(_METHOD)]) + _METHOD.encode()  # :path
    fields += b"\x01\x04self"  # :authority
    fields += _literal(b"content-type", b"application/grpc") + _literal(b"te", b"trailers")
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"") + _frame(1, 0x5, 1, fields)


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )
