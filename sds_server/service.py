"""Envoy's Secret Discovery Service v3: the state of the world, delta, and a single fetch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

from accredit.attestation.workload import Workload
from accredit.identity.clock import Clock
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
)
from accredit.rotation.delivery import Call, Method, Shape
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.token_follower import TokenFollower
from accredit.sds_server.catalog import Catalog
from accredit.sds_server.delta_subscription import DeltaSubscription
from accredit.sds_server.ledger import Ledger
from accredit.sds_server.names import Never, Parked
from accredit.sds_server.peer import Peer
from accredit.sds_server.proto import sds_pb2
from accredit.sds_server.requests import Decoder, DeltaRequest, Request
from accredit.sds_server.session import Machine, Session
from accredit.sds_server.settings import SdsSettings
from accredit.sds_server.stream import Stream
from accredit.sds_server.stream_state import StreamState
from accredit.sds_server.subscription import Subscription

R = TypeVar("R", Request, DeltaRequest)


class Identities(Protocol):
    """Where snapshots come from."""

    async def snapshot(self, workload: Workload) -> Snapshot:
        """Return the caller's newest state."""
        ...

    def watch(self, workload: Workload) -> AsyncGenerator[Snapshot, None]:
        """Yield the caller's state now and after each change."""
        ...

    def follow_tokens(self) -> TokenFollower:
        """Return what follows JWT-SVIDs for one stream."""
        ...


class SecretDiscovery:
    """Gives each Envoy the secrets of the identities it is entitled to, and nobody else's.

    Who calls is known from the connection; what a request says about its node only shapes and
    labels the answer. ``ledger`` records every delivery.
    """

    name = sds_pb2.DESCRIPTOR.services_by_name["SecretDiscoveryService"].full_name

    def __init__(self, identities: Identities, settings: SdsSettings | None, clock: Clock) -> None:
        self._identities = identities
        self._settings = settings or SdsSettings()
        self._clock = clock
        self._decoder = Decoder(self._settings)
        self.ledger = Ledger(clock, self._settings)

    @property
    def methods(self) -> tuple[Method, ...]:
        """The three methods of the service."""
        decode = self._decoder
        return (
            Method("StreamSecrets", Shape.BIDI, decode.request, self.stream_secrets),
            Method("DeltaSecrets", Shape.BIDI, decode.delta_request, self.delta_secrets),
            Method("FetchSecrets", Shape.UNARY, decode.request, self.fetch_secrets),
        )

    async def stream_secrets(
        self, requests: AsyncIterator[Request], call: Call
    ) -> AsyncIterator[bytes]:
        """Send each secret asked for, and again whenever it changes."""
        async with aclosing(self._run(requests, call, Subscription)) as messages:
            async for message in messages:
                yield message

    async def delta_secrets(
        self, requests: AsyncIterator[DeltaRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Do the same for names that come and go one by one."""
        async with aclosing(self._run(requests, call, DeltaSubscription)) as messages:
            async for message in messages:
                yield message

    async def fetch_secrets(
        self, requests: AsyncIterator[Request], call: Call
    ) -> AsyncIterator[bytes]:
        """Answer once with what can be had now of what was asked for.

        Raises:
            RequestError: none of the names can ever be valid here.
            NotEntitledError: none of them is granted.
            UnavailableError: one is, and cannot be signed just now.
        """
        async for request in requests:
            snapshot = await self._identities.snapshot(call.workload)
            with self.ledger.stream(call.workload) as peer:
                session = self._session(peer, Subscription)
                try:
                    message = await _answer(session, request, snapshot)
                finally:
                    session.close()
            yield message
            return
        raise RequestError("the call ended without a request")

    async def _run(
        self,
        requests: AsyncIterator[R],
        call: Call,
        machine: Callable[[StreamState], Machine[R]],
    ) -> AsyncGenerator[bytes, None]:
        with self.ledger.stream(call.workload) as peer:
            session = self._session(peer, machine)
            stream = Stream(
                requests,
                lambda: self._identities.watch(call.workload),
                session,
                self._settings.first_request_seconds,
            )
            session.tokens.wake = stream.nudge
            peer.wakers.add(stream.nudge)
            try:
                async with aclosing(stream.messages()) as messages:
                    async for message in messages:
                        yield message
            finally:
                peer.wakers.discard(stream.nudge)
                session.close()

    def _session(self, peer: Peer, machine: Callable[[StreamState], Machine[R]]) -> Session[R]:
        state = StreamState(peer, self._settings.max_names)
        tokens = self._identities.follow_tokens()
        return Session(peer, machine(state), self._settings, self._clock, tokens)


async def _answer(session: Session[Request], request: Request, snapshot: Snapshot) -> bytes:
    session.receive(request)
    for name in request.names:
        session.catalog(snapshot).look_up(name)
    await session.tokens.obtain()
    message = session.message(snapshot)
    if message is None:
        raise _refusal(request, session.catalog(snapshot))
    return message


def _refusal(request: Request, catalog: Catalog) -> AccreditError:
    answers = [catalog.look_up(name) for name in request.names]
    if answers and all(isinstance(answer, Never) for answer in answers):
        return RequestError("none of the names can be valid here")
    if any(isinstance(answer, Parked) and answer.granted for answer in answers):
        return UnavailableError("what the caller is entitled to cannot be had just now")
    return NotEntitledError("the caller is not entitled to any of the names")
