"""Addresses to connect to, as clusters hold them."""

from __future__ import annotations

from collections.abc import Sequence

from envoy_data_plane.envoy.config.cluster.v3 import (
    Cluster,
    ClusterCustomClusterType,
    ClusterDiscoveryType,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.extensions.clusters.common.dns.v3 import DnsLookupFamily
from envoy_data_plane.envoy.extensions.clusters.dns.v3 import DnsCluster
from envoy_data_plane.google.protobuf import Any

from accredit.envoy import typed
from accredit.envoy.address import Address, Pipe


def assignment(cluster: str, addresses: Sequence[Address]) -> ClusterLoadAssignment:
    """Return ``addresses`` as the only ones of ``cluster``, all alike."""
    endpoints = [LbEndpoint(endpoint=Endpoint(address=typed.address(each))) for each in addresses]
    return ClusterLoadAssignment(
        cluster_name=cluster, endpoints=[LocalityLbEndpoints(lb_endpoints=endpoints)]
    )


def locate(cluster: Cluster, addresses: Sequence[Address]) -> None:
    """Let ``cluster`` lead to ``addresses``, all alike; DNS says for how long a name holds."""
    cluster.load_assignment = assignment(cluster.name, addresses)
    if any(not isinstance(each, Pipe) and each.is_name for each in addresses):
        lookup = DnsCluster(respect_dns_ttl=True, dns_lookup_family=DnsLookupFamily.ALL)
        cluster.cluster_type = ClusterCustomClusterType(
            name="envoy.clusters.dns", typed_config=Any.pack(lookup)
        )
    else:
        cluster.type = ClusterDiscoveryType.STATIC
