"""Snapshots as serialised responses; each is made once per snapshot and shared by all streams.

A federated trust domain without authorities for a profile is left out of that profile's map:
absence is how the Workload API says that nothing is trusted (section 4.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from accredit.rotation.identities import JwtIdentity
from accredit.rotation.snapshot import Identity, Snapshot
from accredit.workload_api.proto import workload_pb2 as pb


def x509_svids(snapshot: Snapshot) -> bytes:
    """Return the X509SVIDResponse of a snapshot with at least one identity."""
    return snapshot.memo("workload_api/x509_svids", _x509_svids)


def x509_bundles(snapshot: Snapshot) -> bytes:
    """Return the X509BundlesResponse."""
    return snapshot.memo("workload_api/x509_bundles", _x509_bundles)


def jwt_bundles(snapshot: Snapshot) -> bytes:
    """Return the JWTBundlesResponse."""
    return snapshot.memo("workload_api/jwt_bundles", _jwt_bundles)


def jwt_svids(identities: Sequence[JwtIdentity]) -> bytes:
    """Return the JWTSVIDResponse."""
    svids = (
        pb.JWTSVID(spiffe_id=str(each.svid.spiffe_id), svid=each.svid.token, hint=each.hint)
        for each in identities
    )
    return _serialise(pb.JWTSVIDResponse(svids=svids))


def _x509_svids(snapshot: Snapshot) -> bytes:
    return _serialise(
        pb.X509SVIDResponse(
            svids=(_x509_svid(identity, snapshot) for identity in snapshot.identities),
            crl=snapshot.bundle.crls,
            federated_bundles=_x509_federated(snapshot),
        )
    )


def _x509_svid(identity: Identity, snapshot: Snapshot) -> pb.X509SVID:
    return pb.X509SVID(
        spiffe_id=str(identity.spiffe_id),
        x509_svid=identity.svid.chain_der,
        x509_svid_key=identity.svid.key_der,
        bundle=snapshot.bundle.x509_der,
        hint=identity.hint,
    )


def _x509_bundles(snapshot: Snapshot) -> bytes:
    own = {str(snapshot.trust_domain.id): snapshot.bundle.x509_der}
    bundles = own | _x509_federated(snapshot)
    return _serialise(pb.X509BundlesResponse(crl=snapshot.bundle.crls, bundles=bundles))


def _x509_federated(snapshot: Snapshot) -> dict[str, bytes]:
    return {
        str(trust_domain.id): bundle.x509_der
        for trust_domain, bundle in snapshot.federated.items()
        if bundle.x509_authorities
    }


def _jwt_bundles(snapshot: Snapshot) -> bytes:
    own = {str(snapshot.trust_domain.id): snapshot.bundle.jwks}
    federated = {
        str(trust_domain.id): bundle.jwks
        for trust_domain, bundle in snapshot.federated.items()
        if bundle.jwt_authorities
    }
    return _serialise(pb.JWTBundlesResponse(bundles=own | federated))


def _serialise(
    message: pb.X509SVIDResponse
    | pb.X509BundlesResponse
    | pb.JWTSVIDResponse
    | pb.JWTBundlesResponse,
) -> bytes:
    # In a fixed order, since bundle streams compare bytes to tell whether anything has changed.
    return message.SerializeToString(deterministic=True)
