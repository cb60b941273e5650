"""A client of any SPIFFE Workload API: what ``accredit api`` uses, and programs may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import Generic, TypeVar

from accredit.agent import client_calls
from accredit.identity.clock import Clock
from accredit.identity.errors import AccreditError, UnavailableError
from accredit.identity.spiffe_id import SpiffeId
from accredit.rotation.schedule import Backoff
from accredit.workload_api import responses
from accredit.workload_api.contexts import (
    HintedToken,
    TokenClaims,
)
from accredit.workload_api.endpoint import Endpoint
from accredit.workload_api.held import Held, Reaction, Retries, reaction
from accredit.workload_api.proto import workload_pb2 as pb

T = TypeVar("T")

_TIMEOUT = timedelta(seconds=10)
_BACKOFF = Backoff()


def _random_jitter() -> float:
    return SystemRandom().uniform(-1, 1)


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """A streaming method and how its messages are read."""

    method: str
    read: Callable[[bytes], T]


X509_CONTEXT = Stream("FetchX509SVID", responses.read_x509_context)
X509_BUNDLES = Stream("FetchX509Bundles", responses.read_x509_bundles)
JWT_BUNDLES = Stream("FetchJWTBundles", responses.read_jwt_bundles)


class WorkloadApiClient:
    """Calls one endpoint and nothing else there: no reflection, no other service.

    Every method raises RequestError, NotEntitledError, UnimplementedError or UnavailableError for
    what the endpoint answers, and ResponseError for an answer that breaks the standard.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        timeout: timedelta = _TIMEOUT,
        backoff: Backoff = _BACKOFF,
        jitter: Callable[[], float] = _random_jitter,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._timeout = timeout
        self._backoff = backoff
        self._jitter = jitter

    async def fetch(self, stream: Stream[T]) -> T:
        """Return the first message of ``stream``."""
        async with self._deadline(stream.method):
            return stream.read(await self._first(stream.method))

    async def tokens(
        self, audience: Sequence[str], spiffe_id: SpiffeId | None = None
    ) -> tuple[HintedToken, ...]:
        """Return JWT-SVIDs for ``audience``: of one identity, or of all of this workload."""
        request = pb.JWTSVIDRequest(audience=audience, spiffe_id=str(spiffe_id or ""))
        return responses.read_tokens(await self._unary("FetchJWTSVID", request.SerializeToString()))

    async def validate(self, token: str, audience: str) -> TokenClaims:
        """Return what a token claims if the endpoint finds it good for ``audience``."""
        request = pb.ValidateJWTSVIDRequest(audience=audience, svid=token)
        return responses.read_claims(
            await self._unary("ValidateJWTSVID", request.SerializeToString())
        )

    async def watch(self, stream: Stream[T]) -> AsyncGenerator[Held[T], None]:
        """Yield what is held after each event, for as long as the endpoint has the method.

        A message replaces everything; a refusal takes everything away; a broken message or
        connection takes nothing. Raises once trying again would be of no use.
        """
        held: Held[T] = Held()
        retries = Retries(self._backoff)
        while True:
            lasting: float | None = None
            try:
                async with self._messages(stream.method) as messages:
                    async for message in messages:
                        lasting = lasting or self._clock.monotonic()
                        held = held.received(message, stream.read)
                        yield held
            except AccreditError as error:
                if (after := reaction(error)) is Reaction.STOP:
                    raise
                held = held.ended(error)
                yield held
                lasted = self._clock.monotonic() - lasting if lasting else 0.0
                wait = retries.wait(after, lasted, self._jitter())
                await self._clock.sleep_until(self._clock.now() + wait)

    def _messages(self, method: str) -> aclosing[AsyncGenerator[bytes, None]]:
        return aclosing(client_calls.stream(self._endpoint, method))

    async def _first(self, method: str) -> bytes:
        async with self._messages(method) as messages:
            return await anext(messages)

    async def _unary(self, method: str, request: bytes) -> bytes:
        async with self._deadline(method):
            return await client_calls.unary(self._endpoint, method, request)

    @asynccontextmanager
    async def _deadline(self, method: str) -> AsyncGenerator[None, None]:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                yield
        except TimeoutError:
            seconds = self._timeout.total_seconds()
            raise UnavailableError(
                f"{method} at {self._endpoint}: no answer within {seconds:g} s"
            ) from None
