"""How the sidecar asks the agent for its secrets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
)
from envoy_data_plane.envoy.config.core.v3 import (
    ApiConfigSource,
    ApiConfigSourceApiType,
    ApiVersion,
    BackoffStrategy,
    ConfigSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    RetryPolicy,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import SdsSecretConfig

from accredit.envoy.address import Pipe
from accredit.envoy.endpoints import assignment
from accredit.envoy.http_options import http2
from accredit.envoy.peers import Peer, trust_domains
from accredit.envoy.sidecar import Profile, Sidecar

_CLUSTER = "sds_agent"
_MAX_SECRETS = 4096


def secret(sidecar: Sidecar, name: str) -> SdsSecretConfig:
    """Return the reference to a secret of that name."""
    return SdsSecretConfig(name=name, sds_config=_config_source(sidecar))


def bundles(sidecar: Sidecar, peers: Iterable[Peer]) -> str:
    """Return the name of the validation context that believes ``peers``'s trust domains.

    Where the agent can, no others: any CA in a validation context could vouch for the trust
    domains of the rest by a second URI SAN, since Envoy's matchers look at all of them.
    """
    peers = tuple(peers)
    named = sorted(str(trust_domain.id) for trust_domain in trust_domains(peers))
    if any(peer.trust_domain is None for peer in peers):
        return "ALL"
    if len(named) > 1 and sidecar.profile is Profile.SPIRE:
        return "ALL"
    return ",".join(named)


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
        load_assignment=assignment(_CLUSTER, [Pipe(sidecar.socket)]),
    )


def _config_source(sidecar: Sidecar) -> ConfigSource:
    # Every secret of a sidecar must name byte-identical sources: Envoy opens one more subscription
    # for each that differs. No timeout on the first fetch: after one, Envoy turns ready and resets
    # every connection; without one it stays honest, not ready and closed, until the secret is here.
    return ConfigSource(
        resource_api_version=ApiVersion.V3,
        initial_fetch_timeout=timedelta(0),
        api_config_source=ApiConfigSource(
            api_type=_api_type(sidecar),
            transport_api_version=ApiVersion.V3,
            set_node_on_first_message_only=True,
            grpc_services=[_service(sidecar.profile)],
        ),
    )


def _api_type(sidecar: Sidecar) -> ApiConfigSourceApiType:
    delta = sidecar.delta and sidecar.profile is Profile.ACCREDIT  # SPIRE has no delta
    return ApiConfigSourceApiType.DELTA_GRPC if delta else ApiConfigSourceApiType.GRPC


def _service(profile: Profile) -> GrpcService:
    # The default back-off reaches 30 s for each secret by itself. Every stream makes SPIRE attest
    # its caller again, by the digest of Envoy's whole program if need be, and for a secret that is
    # not granted it ends the stream at once: a tenth of a core for each sidecar that waits.
    backoff = BackoffStrategy(
        base_interval=timedelta(milliseconds=100),
        max_interval=timedelta(seconds=5 if profile is Profile.SPIRE else 1),
    )
    return GrpcService(
        envoy_grpc=GrpcServiceEnvoyGrpc(
            cluster_name=_CLUSTER, retry_policy=RetryPolicy(retry_back_off=backoff)
        )
    )
