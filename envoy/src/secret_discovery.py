"""How the sidecar asks the agent for its secrets, and the TLS contexts built on them."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    BackoffStrategy,
    ConfigSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    Http2ProtocolOptions,
    Pipe,
    RetryPolicy,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    DownstreamTlsContext,
    SdsSecretConfig,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsParameters,
    TlsParametersTlsProtocol,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from accredit.envoy.sidecar import Sidecar
from accredit.identity.spiffe_id import SpiffeId

_CLUSTER = "sds_agent"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MAX_SECRETS = 4096


def _config_source(sidecar: Sidecar) -> ConfigSource:
    # Every secret of a sidecar must name byte-identical sources: Envoy opens one more subscription
    # for each that differs. No timeout on the first fetch: after one, Envoy turns ready and resets
    # every connection; without one it stays honest, not ready and closed, until the secret is here.
    api = ApiConfigSourceApiType.DELTA_GRPC if sidecar.delta else ApiConfigSourceApiType.GRPC
    backoff = BackoffStrategy(
        base_interval=timedelta(milliseconds=100), max_interval=timedelta(seconds=1)
    )
    service = GrpcService(
        envoy_grpc=GrpcServiceEnvoyGrpc(
            cluster_name=_CLUSTER, retry_policy=RetryPolicy(retry_back_off=backoff)
        )
    )
    return ConfigSource(
        resource_api_version=ApiVersion.V3,
        initial_fetch_timeout=timedelta(0),
        api_config_source=ApiConfigSource(
            api_type=api,
            transport_api_version=ApiVersion.V3,
            set_node_on_first_message_only=True,
            grpc_services=[service],
        ),
    )


def _secret(sidecar: Sidecar, name: str) -> SdsSecretConfig:
    return SdsSecretConfig(name=name, sds_config=_config_source(sidecar))


def _only(spiffe_id: SpiffeId) -> SubjectAltNameMatcher:
    return SubjectAltNameMatcher(
        san_type=SubjectAltNameMatcherSanType.URI, matcher=StringMatcher(exact=str(spiffe_id))
    )


def _common(sidecar: Sidecar, peers: tuple[SpiffeId, ...]) -> CommonTlsContext:
    if not peers:
        # Envoy reads an empty list as "anyone the bundle verifies".
        raise ValueError("a TLS context needs at least one SPIFFE ID to accept")
    # Envoy's upstream default ends at TLS 1.2; both ends are ours, so both say 1.3.
    only_13 = TlsParameters(
        tls_minimum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
        tls_maximum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
    )
    names = {peer.trust_domain for peer in peers}
    own = names == {sidecar.trust_domain}
    validation = CommonTlsContextCombinedCertificateValidationContext(
        default_validation_context=CertificateValidationContext(
            match_typed_subject_alt_names=[_only(peer) for peer in peers]
        ),
        validation_context_sds_secret_config=_secret(
            sidecar, str(sidecar.trust_domain.id) if own else "ALL"
        ),
    )
    return CommonTlsContext(
        tls_params=only_13,
        alpn_protocols=["h2", "http/1.1"],
        tls_certificate_sds_secret_configs=[_secret(sidecar, sidecar.identity)],
        combined_validation_context=validation,
    )


def downstream(sidecar: Sidecar, callers: tuple[SpiffeId, ...]) -> TransportSocket:
    """Return the server side of mutual TLS for ``callers``.

    Raises:
        ValueError: ``callers`` is empty.
    """
    # A resumed session skips the check of the client's SVID, even of one that has expired.
    context = DownstreamTlsContext(
        common_tls_context=_common(sidecar, callers),
        require_client_certificate=True,
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def upstream(sidecar: Sidecar, servers: tuple[SpiffeId, ...]) -> TransportSocket:
    """Return the client side of mutual TLS, towards ``servers`` only.

    Raises:
        ValueError: ``servers`` is empty.
    """
    context = UpstreamTlsContext(common_tls_context=_common(sidecar, servers), max_session_keys=0)
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def endpoint(name: str, address: Address) -> ClusterLoadAssignment:
    """Return a load assignment with one address."""
    one = LbEndpoint(endpoint=Endpoint(address=address))
    return ClusterLoadAssignment(
        cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[one])]
    )


def http2(options: HttpProtocolOptions | None = None) -> dict[str, Any]:
    """Return the typed options that make a cluster speak HTTP/2."""
    options = options or HttpProtocolOptions()
    options.explicit_http_config = HttpProtocolOptionsExplicitHttpConfig(
        http2_protocol_options=Http2ProtocolOptions()
    )
    return {_HTTP_OPTIONS: Any.pack(options)}


def agent_cluster(sidecar: Sidecar) -> Cluster:
    """Return the cluster that is the agent's unix socket."""
    # No keepalive pings: on a unix socket they show nothing, and grpc servers answer with GOAWAY.
    return Cluster(
        name=_CLUSTER,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=1),
        typed_extension_protocol_options=http2(),
        circuit_breakers=CircuitBreakers(
            thresholds=[CircuitBreakersThresholds(max_requests=_MAX_SECRETS)]
        ),
        load_assignment=endpoint(_CLUSTER, Address(pipe=Pipe(path=sidecar.socket))),
    )
