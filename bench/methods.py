"""What the bench says to a server, agent or floor alike."""

from __future__ import annotations

from accredit.sds_server.proto.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

FETCH_X509_SVID = "/SpiffeWorkloadAPI/FetchX509SVID"
STREAM_SECRETS = "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets"
SECURITY_HEADER = (("workload.spiffe.io", "true"),)
CHANNEL_OPTIONS = (
    # Else channels to one address share a connection.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)
_SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105


def subscription() -> bytes:
    """Return the first request of a stream that wants the default certificate."""
    request = DiscoveryRequest(type_url=_SECRET_TYPE, resource_names=["default"])
    return request.SerializeToString()


def acknowledgement(response: bytes) -> bytes:
    """Return what a client sends that took ``response`` over."""
    taken = DiscoveryResponse.FromString(response)
    request = DiscoveryRequest(
        type_url=_SECRET_TYPE,
        resource_names=["default"],
        version_info=taken.version_info,
        response_nonce=taken.nonce,
    )
    return request.SerializeToString()
