from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType, ClusterLbPolicy
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import UpstreamTlsContext
from support.redirect_sample import intercepting, steering

from accredit.envoy import outbound
from accredit.envoy.redirect import original


def test_an_outbound_without_a_target_leads_to_where_the_app_meant_by_mutual_tls() -> None:
    spec = intercepting("10.0.0.5:80", port=8443)
    _, cluster = outbound.build(steering(spec), 0, spec)
    assert cluster.type is ClusterDiscoveryType.ORIGINAL_DST
    assert cluster.lb_policy is ClusterLbPolicy.CLUSTER_PROVIDED
    assert cluster.original_dst_lb_config is not None
    assert cluster.original_dst_lb_config.upstream_port_override == 8443
    assert not cluster.original_dst_lb_config.use_http_header  # or any app could choose its server
    assert cluster.transport_socket is not None
    assert cluster.transport_socket.typed_config is not None
    assert isinstance(cluster.transport_socket.typed_config.unpack(), UpstreamTlsContext)


def test_without_a_port_it_is_the_one_the_app_meant() -> None:
    spec = intercepting("10.0.0.5:80")
    assert original.servers(steering(spec), "outbound_0", spec).original_dst_lb_config is None


def test_an_outbound_with_a_target_leads_there() -> None:
    spec = intercepting("10.0.0.5:80", to="10.0.0.9")
    _, cluster = outbound.build(steering(spec), 0, spec)
    assert cluster.type is ClusterDiscoveryType.STATIC
