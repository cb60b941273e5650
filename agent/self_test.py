"""Proof, at start-up, that grpcio still behaves as the transport relies on.

Older releases gave the listener's own name as the peer's, and a later one might do so again. So
before anyone is served, connections with known names, and one without, each make a request, and
what grpcio says of their peers is compared. Each also makes a request that would end a grpcio which
is left to itself.
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


class SelfTest:
    """A method that reports its peer, until it is closed; ``by_path`` is what grpcio is told."""

    def __init__(self) -> None:
        self._peers: asyncio.Queue[str] | None = asyncio.Queue()
        handler: grpc.RpcMethodHandler[Any, Any]
        handler = grpc.stream_stream_rpc_method_handler(self._report)
        self.by_path = {_METHOD: handler}

    def close(self) -> None:
        """Be UNIMPLEMENTED for everyone else."""
        self._peers = None

    async def peer_of(self, sock: socket.socket, seconds: float = _SECONDS) -> str:
        """Return what grpcio calls the peer of a connection, asked over its other end ``sock``.

        Raises:
            UnavailableError: grpcio does not answer.
        """
        # The first has a path that is not UTF-8 and must not do any harm.
        sock.sendall(_PREFACE + _request(1, b"/\xff") + _request(3, _METHOD.encode()))
        assert self._peers is not None  # noqa: S101  for mypy: closed once, at the end
        try:
            async with asyncio.timeout(seconds):
                return await self._peers.get()
        except TimeoutError:
            raise UnavailableError("grpcio does not answer its own process") from None

    async def _report(self, _requests: object, context: aio.ServicerContext[Any, Any]) -> None:
        if self._peers is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")
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

    def came(self, count: int) -> None:
        """Nothing to count."""

    def asked(self, count: int) -> None:
        """Nothing to count."""

    def stream_ended(self) -> None:
        """Nothing to count."""

    def ended(self) -> None:
        """Close our end too."""
        self.ours.close()


def _request(stream: int, path: bytes) -> bytes:
    """Return one gRPC request in plain HTTP/2: HEADERS that end the stream."""
    fields = bytes((0x83, 0x86))  # :method POST and :scheme http, RFC 7541 appendix A
    fields += bytes((0x04, len(path))) + path  # :path
    fields += b"\x01\x04self"  # :authority
    fields += _literal(b"content-type", b"application/grpc") + _literal(b"te", b"trailers")
    return _frame(1, 0x5, stream, fields)


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"")  # and empty SETTINGS
