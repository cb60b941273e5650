"""Messages as bytes. A resource is serialised once; each stream only adds version and nonce.

A protobuf message may come in pieces that are simply joined, so a response is its small head
followed by resources that were framed as fields before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from google.protobuf.any_pb2 import Any

from accredit.sds_server.proto import discovery_pb2, tls_pb2

SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105


def pack(secret: tls_pb2.Secret) -> Any:
    """Return the secret as a typed resource."""
    return Any(type_url=SECRET_TYPE, value=secret.SerializeToString(deterministic=True))


def content_version(data: bytes) -> str:
    """Return a version that is the same for the same bytes, over restarts too."""
    return hashlib.sha256(data).hexdigest()[:16]


def joint_version(versions: Iterable[tuple[str, str]]) -> str:
    """Return one version for several (name, version) pairs; of a single one its own."""
    pairs = sorted(versions)
    if len(pairs) == 1:
        return pairs[0][1]
    return content_version("\n".join(f"{name} {version}" for name, version in pairs).encode())


def frame(resource: Any) -> bytes:
    """Return the field ``resources`` of a DiscoveryResponse."""
    return discovery_pb2.DiscoveryResponse(resources=[resource]).SerializeToString()


def frame_delta(name: str, version: str, resource: Any) -> bytes:
    """Return the field ``resources`` of a DeltaDiscoveryResponse."""
    wrapped = discovery_pb2.Resource(name=name, version=version, resource=resource)
    return discovery_pb2.DeltaDiscoveryResponse(resources=[wrapped]).SerializeToString()


def response(version: str, nonce: str, framed: Iterable[bytes]) -> bytes:
    """Return a DiscoveryResponse."""
    head = discovery_pb2.DiscoveryResponse(version_info=version, nonce=nonce, type_url=SECRET_TYPE)
    return b"".join((head.SerializeToString(), *framed))


def delta_response(
    version: str, nonce: str, framed: Iterable[bytes], removed: Iterable[str]
) -> bytes:
    """Return a DeltaDiscoveryResponse."""
    head = discovery_pb2.DeltaDiscoveryResponse(
        system_version_info=version, nonce=nonce, type_url=SECRET_TYPE, removed_resources=removed
    )
    return b"".join((head.SerializeToString(), *framed))
