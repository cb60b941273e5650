"""The keys that verify JWT-SVIDs, as a document for each trust domain that a caller may know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from accredit.attestation.workload import Workload
from accredit.identity.errors import NotFoundError, SpiffeIdError, UnavailableError
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.identities import Identities
from accredit.rotation.snapshot import Snapshot

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Document:
    """What is found at a path."""

    content_type: str
    body: bytes

    @property
    def etag(self) -> str:
        """A version that is the same for the same content."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


class JwkSets:
    """``/prod.example`` is the JWK Set of that trust domain, ``/`` lists the names there are.

    Trust domains are never pooled: a set verifies tokens of its own trust domain only.
    """

    def __init__(self, identities: Identities, *, allow_unauthenticated_verifiers: bool) -> None:
        self._identities = identities
        self._anybody = allow_unauthenticated_verifiers

    async def find(self, target: str, workload: Workload) -> Document:
        """Return what this caller finds at ``target``, as it is now.

        Raises:
            AttestationError: the caller has died, was replaced or cannot be identified.
            UnavailableError: it has no identity, or no entry of it federates with that trust
                domain. Either may change at any moment, and Envoy tries again for no other error.
            NotFoundError: there can be no such thing.
        """
        snapshot = await self._identities.snapshot(workload)
        if not (snapshot.entitled or self._anybody):
            raise UnavailableError("no registration entry matches the caller")
        if target == "/":
            return Document(_TEXT, "".join(f"{name}\n" for name in snapshot.bundles).encode())
        return Document(_JSON, _keys(target, snapshot))


def _keys(target: str, snapshot: Snapshot) -> bytes:
    name = target.removeprefix("/")
    try:
        bundle = snapshot.bundles.get(TrustDomain(name))
    except SpiffeIdError:
        raise NotFoundError(f"{name[:100]!r} is not the name of a trust domain") from None
    if bundle is None:
        raise UnavailableError(f"no entry of the caller federates with {name[:100]}")
    return bundle.jwks
