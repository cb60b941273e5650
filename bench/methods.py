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
    """Return the first request of an Envoy that wants its certificate."""
    request = DiscoveryRequest(type_url=_SECRET_TYPE, resource_names=["default"])
    return request.SerializeToString() + NODE


def acknowledgement(response: bytes) -> bytes:
    """Return what an Envoy sends that took ``response`` over."""
    taken = DiscoveryResponse.FromString(response)
    request = DiscoveryRequest(
        type_url=_SECRET_TYPE,
        resource_names=["default"],
        version_info=taken.version_info,
        response_nonce=taken.nonce,
    )
    return request.SerializeToString()


def _field(number: int, value: bytes) -> bytes:
    """Return a protobuf field of bytes."""
    return b"".join((_varint(number << 3 | 2), _varint(len(value)), value))


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _node() -> bytes:
    """Return the field ``node`` as an Envoy fills it: 60 KB, nearly all of it extensions."""
    category = _field(2, b"envoy.transport_sockets.upstream")
    types = _field(6, b"envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext")
    extensions = (
        _field(1, b"envoy.extension.%03d" % each) + category + types for each in range(516)
    )
    return _field(2, _field(1, b"bench") + b"".join(_field(9, each) for each in extensions))


NODE = _node()
