from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from support.bootstrap_reading import found

from accredit.envoy.address import Address, Endpoint, Pipe
from accredit.envoy.endpoints import locate


def _located(*addresses: Address) -> Cluster:
    cluster = Cluster(name="app")
    locate(cluster, addresses)
    return cluster


def test_addresses_are_connected_to_as_they_are() -> None:
    cluster = _located(Endpoint("10.0.0.5", 80), Endpoint("::1", 81), Pipe("/run/a"))
    assert cluster.type == ClusterDiscoveryType.STATIC
    plain = cluster.to_dict()
    assert found(plain, "address")[0]["socketAddress"] == {"address": "10.0.0.5", "portValue": 80}
    assert found(plain, "pipe") == [{"path": "/run/a"}]
    assert len(found(plain, "endpoint")) == 3
    assert found(plain, "clusterName") == ["app"]


def test_one_name_among_them_is_enough_to_ask_dns_for_as_long_as_it_says() -> None:
    cluster = _located(Endpoint("10.0.0.5", 80), Endpoint("db.internal", 81))
    assert cluster.cluster_type is not None
    assert cluster.cluster_type.name == "envoy.clusters.dns"
    (config,) = found(cluster.to_dict(), "typedConfig")
    assert config["respectDnsTtl"] is True
    assert config["dnsLookupFamily"] == "ALL"
