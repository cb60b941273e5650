"""The SPIFFE Workload API as a service: one short generator per method.

Every method checks in one order: security header, readiness, whether its profile is switched on,
the request's fields, who calls and what that caller is entitled to. The header comes first for
each, so that a refusal over it tells nothing about the caller. Streams yield complete states.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeVar

from accredit.identity.clock import Clock
from accredit.identity.errors import (
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.rotation.delivery import Call, Method, Shape
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Snapshot
from accredit.workload_api import jwt, messages
from accredit.workload_api.header import require_security_header
from accredit.workload_api.proto import workload_pb2 as pb
from accredit.workload_api.settings import WorkloadApiSettings

M = TypeVar("M")


class WorkloadApi:
    """Answers each caller with its own identities and nobody else's.

    Methods raise AccreditError and know nothing of grpc. ``ready`` says whether the authority is
    known well enough to answer at all; until then every method is unavailable.
    """

    name = "SpiffeWorkloadAPI"

    def __init__(
        self,
        identities: Identities,
        settings: WorkloadApiSettings,
        clock: Clock,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._identities = identities
        self._settings = settings
        self._clock = clock
        self._ready = ready

    @property
    def methods(self) -> tuple[Method, ...]:
        """The seven methods of the standard."""
        stream, unary = Shape.SERVER_STREAM, Shape.UNARY
        return (
            Method("FetchX509SVID", stream, pb.X509SVIDRequest.FromString, self.fetch_x509_svid),
            Method(
                "FetchX509Bundles",
                stream,
                pb.X509BundlesRequest.FromString,
                self.fetch_x509_bundles,
            ),
            Method("FetchJWTSVID", unary, pb.JWTSVIDRequest.FromString, self.fetch_jwt_svid),
            Method(
                "FetchJWTBundles", stream, pb.JWTBundlesRequest.FromString, self.fetch_jwt_bundles
            ),
            Method(
                "ValidateJWTSVID",
                unary,
                pb.ValidateJWTSVIDRequest.FromString,
                self.validate_jwt_svid,
            ),
            Method("FetchWITSVID", stream, pb.WITSVIDRequest.FromString, self.refuse_wit),
            Method("FetchWITBundles", stream, pb.WITBundlesRequest.FromString, self.refuse_wit),
        )

    def fetch_x509_svid(
        self, requests: AsyncIterator[pb.X509SVIDRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Stream the caller's X.509-SVIDs: all of them now, and again at each change."""
        return self._stream(requests, call, self._settings.x509_profile, _x509_svids)

    def fetch_x509_bundles(
        self, requests: AsyncIterator[pb.X509BundlesRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Stream the X.509 bundles: now, and whenever one of them has changed."""
        return self._stream(requests, call, self._settings.x509_profile, self._x509_bundles)

    async def fetch_jwt_svid(
        self, requests: AsyncIterator[pb.JWTSVIDRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Answer with JWT-SVIDs for the audiences asked for."""
        self._admit(call, profile_on=self._settings.jwt_profile)
        wanted = jwt.check_token_request(await _only(requests), self._settings)
        yield messages.jwt_svids(
            await self._identities.jwt_svids(call.workload, wanted.audience, wanted.spiffe_id)
        )

    def fetch_jwt_bundles(
        self, requests: AsyncIterator[pb.JWTBundlesRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Stream the JWT bundles: now, and whenever one of them has changed."""
        return self._stream(requests, call, self._settings.jwt_profile, self._jwt_bundles)

    async def validate_jwt_svid(
        self, requests: AsyncIterator[pb.ValidateJWTSVIDRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Answer what a good token claims; a bad one is an error, never a flag."""
        self._admit(call, profile_on=self._settings.jwt_profile)
        request = await _only(requests)
        jwt.check_validation_request(request, self._settings)
        snapshot = await self._identities.snapshot(call.workload)
        self._require_verifier(snapshot)
        validated = validate_jwt_svid(
            request.svid, (request.audience,), snapshot.bundles, self._clock.now()
        )
        yield jwt.validation_response(
            validated, snapshot.trust_domain, self._settings.allowed_foreign_jwt_claims
        )

    async def refuse_wit(self, requests: AsyncIterator[object], call: Call) -> AsyncIterator[bytes]:
        """Refuse the WIT-SVID profile, which is not offered."""
        self._admit(call, profile_on=False)
        yield b""

    def _admit(self, call: Call, *, profile_on: bool) -> None:
        require_security_header(call.metadata)
        if not self._ready():
            raise UnavailableError("starting: the authority is not known yet")
        if not profile_on:
            raise UnimplementedError("this profile is not offered here")

    async def _stream(
        self,
        requests: AsyncIterator[object],
        call: Call,
        profile_on: bool,  # noqa: FBT001  named by the settings at each use
        answer: Callable[[Snapshot], bytes],
    ) -> AsyncIterator[bytes]:
        self._admit(call, profile_on=profile_on)
        await _only(requests)
        last = None
        async with aclosing(self._identities.watch(call.workload)) as snapshots:
            async for snapshot in snapshots:
                message = answer(snapshot)
                # A snapshot also changes over what this stream does not show.
                if message != last:
                    last = message
                    yield message

    def _x509_bundles(self, snapshot: Snapshot) -> bytes:
        self._require_verifier(snapshot)
        return messages.x509_bundles(snapshot)

    def _jwt_bundles(self, snapshot: Snapshot) -> bytes:
        self._require_verifier(snapshot)
        return messages.jwt_bundles(snapshot)

    def _require_verifier(self, snapshot: Snapshot) -> None:
        if not self._settings.allow_unauthenticated_verifiers:
            _require_entry(snapshot)


def _x509_svids(snapshot: Snapshot) -> bytes:
    _require_entry(snapshot)
    if not snapshot.identities:
        raise UnavailableError("no X.509-SVID can be signed for the caller just now")
    return messages.x509_svids(snapshot)


def _require_entry(snapshot: Snapshot) -> None:
    if not snapshot.entitled:
        raise NotEntitledError("no registration entry matches the caller")


async def _only(requests: AsyncIterator[M]) -> M:
    async for request in requests:
        return request
    raise RequestError("the call ended without a request")
