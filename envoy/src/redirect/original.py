"""Clusters that lead to where the app itself meant to connect."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterDiscoveryType,
    ClusterLbPolicy,
    ClusterOriginalDstLbConfig,
)

from accredit.envoy import clusters, tls
from accredit.envoy.sidecar import Outbound, Sidecar

_CONNECT_TIMEOUT = timedelta(seconds=5)


def plain(name: str) -> Cluster:
    """Return a cluster that leads there as the app would have come."""
    return Cluster(
        name=name,
        type=ClusterDiscoveryType.ORIGINAL_DST,
        lb_policy=ClusterLbPolicy.CLUSTER_PROVIDED,
        connect_timeout=_CONNECT_TIMEOUT,
        circuit_breakers=clusters.unlimited(),
    )


def servers(sidecar: Sidecar, name: str, spec: Outbound) -> Cluster:
    """Return a cluster that leads there by mutual TLS, to the port of ``spec`` if it has one."""
    cluster = plain(name)
    cluster.transport_socket = tls.upstream(sidecar, spec)
    cluster.typed_extension_protocol_options = clusters.protocol_options(sidecar, spec)
    if spec.port:
        cluster.original_dst_lb_config = ClusterOriginalDstLbConfig(
            upstream_port_override=spec.port
        )
    return cluster
