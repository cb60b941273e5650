"""Where connections go: to the app, or to another sidecar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterCommonLbConfig,
    OutlierDetection,
)
from envoy_data_plane.envoy.config.core.v3 import HealthCheck as ClusterHealthCheck
from envoy_data_plane.envoy.config.core.v3 import (
    HealthCheckHttpHealthCheck,
    HealthCheckTcpHealthCheck,
    HealthCheckTlsOptions,
)
from envoy_data_plane.envoy.type.v3 import CodecClientType, Percent
from envoy_data_plane.google.protobuf import Any

from accredit.envoy import http, tls
from accredit.envoy.address import Address
from accredit.envoy.endpoints import locate
from accredit.envoy.http_options import by_alpn, http1, http2
from accredit.envoy.sidecar import HealthCheck, Inbound, Outbound, Protocol, Sidecar

_CONNECT_TIMEOUT = timedelta(seconds=5)
_NO_LIMIT = 2**32 - 1
# Only when not one address is left are all tried; by default as soon as half of them are bad.
_PANIC = ClusterCommonLbConfig(healthy_panic_threshold=Percent(value=1))


def app(name: str, spec: Inbound) -> Cluster:
    """Return the app behind an inbound."""
    cluster = _cluster(name, [spec.app], spec.health_check, spec.protocol)
    if spec.protocol.is_http:
        cluster.typed_extension_protocol_options = (
            http1() if spec.protocol is Protocol.HTTP else http2()
        )
    return cluster


def servers(sidecar: Sidecar, name: str, spec: Outbound) -> Cluster:
    """Return the servers of an outbound, each behind mutual TLS."""
    cluster = _cluster(name, spec.to, spec.health_check, spec.protocol)
    cluster.transport_socket = tls.upstream(sidecar, spec)
    cluster.typed_extension_protocol_options = protocol_options(sidecar, spec)
    if len(spec.to) > 1:
        cluster.outlier_detection = OutlierDetection(
            base_ejection_time=timedelta(seconds=10), max_ejection_percent=50
        )
    return cluster


def protocol_options(sidecar: Sidecar, spec: Outbound) -> dict[str, Any]:
    """Return which HTTP is spoken to the servers, and for how long over one connection."""
    if not spec.protocol.is_http:
        return {}
    common = http.bounded(sidecar)
    return by_alpn(common) if spec.protocol is Protocol.HTTP else http2(common)


def unlimited() -> CircuitBreakers:
    """Return circuit breakers that never break: a sidecar is not where an app's load is bounded."""
    return CircuitBreakers(
        thresholds=[
            CircuitBreakersThresholds(
                max_connections=_NO_LIMIT,
                max_pending_requests=_NO_LIMIT,
                max_requests=_NO_LIMIT,
                max_retries=_NO_LIMIT,
            )
        ]
    )


def _cluster(
    name: str, addresses: Sequence[Address], check: HealthCheck | None, protocol: Protocol
) -> Cluster:
    cluster = Cluster(
        name=name,
        connect_timeout=_CONNECT_TIMEOUT,
        circuit_breakers=unlimited(),
        health_checks=[_health_check(check, protocol)] if check else [],
        common_lb_config=_PANIC,
    )
    locate(cluster, addresses)
    return cluster


def _health_check(check: HealthCheck, protocol: Protocol) -> ClusterHealthCheck:
    found = ClusterHealthCheck(
        timeout=check.timeout,
        interval=check.interval,
        unhealthy_threshold=3,
        healthy_threshold=1,
        no_traffic_interval=check.interval,
    )
    if check.path:
        plain = protocol is Protocol.HTTP
        codec = CodecClientType.HTTP1 if plain else CodecClientType.HTTP2
        # A check speaks one version only, whatever requests may agree on in TLS.
        found.tls_options = HealthCheckTlsOptions(["http/1.1" if plain else "h2"])
        found.http_health_check = HealthCheckHttpHealthCheck(
            path=check.path, codec_client_type=codec
        )
    else:
        found.tcp_health_check = HealthCheckTcpHealthCheck()
    return found
