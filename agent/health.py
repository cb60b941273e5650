"""``grpc.health.v1.Health``: whether each service can answer just now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from grpc_health.v1 import health_pb2 as pb

from accredit.identity.errors import NotFoundError
from accredit.rotation.delivery import Call, Method, Shape

OVERALL = ""


class Health:
    """Tells, and goes on telling, the health of ``services``; the empty name stands for all.

    ``serving`` says whether they can do their work: all of them stand on the same authority.
    Whoever checks gets its answer of that moment; whoever watches, after each ``look_again``.
    """

    name = "grpc.health.v1.Health"

    def __init__(self, services: Iterable[str], serving: Callable[[], bool]) -> None:
        self._services = frozenset({OVERALL, *services})
        self._serving = serving
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """Tell who watches, if the answer is another one now."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def methods(self) -> tuple[Method, ...]:
        """Check and Watch; List, the newest, is not in all clients and not here."""
        decode = pb.HealthCheckRequest.FromString
        return (
            Method("Check", Shape.UNARY, decode, self.check),
            Method("Watch", Shape.SERVER_STREAM, decode, self.watch),
        )

    async def check(
        self, requests: AsyncIterator[pb.HealthCheckRequest], _call: Call
    ) -> AsyncIterator[bytes]:
        """Answer for one service; an unknown one is NOT_FOUND."""
        async for request in requests:
            status = self._status(request.service)
            if status == pb.HealthCheckResponse.SERVICE_UNKNOWN:
                raise NotFoundError(f"there is no service {request.service[:100]!r} here")
            yield _response(status)

    async def watch(
        self, requests: AsyncIterator[pb.HealthCheckRequest], _call: Call
    ) -> AsyncIterator[bytes]:
        """Answer for one service now and whenever that changes."""
        async for request in requests:
            told = None
            while True:
                changed = self._changed
                status = self._status(request.service)
                if status != told:
                    yield _response(status)
                    told = status
                await changed.wait()

    def _status(self, name: str) -> int:
        if name not in self._services:
            return pb.HealthCheckResponse.SERVICE_UNKNOWN
        serving = self._serving()
        return pb.HealthCheckResponse.SERVING if serving else pb.HealthCheckResponse.NOT_SERVING


def _response(status: int) -> bytes:
    return pb.HealthCheckResponse(status=status).SerializeToString()
