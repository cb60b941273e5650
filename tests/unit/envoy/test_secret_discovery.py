from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import ApiConfigSourceApiType
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CommonTlsContext,
    DownstreamTlsContext,
    UpstreamTlsContext,
)
from support.sidecar_sample import PARTNER, SHOP, SIDECAR, TRUST_DOMAIN, WEB

from accredit.envoy.secret_discovery import agent_cluster, downstream, upstream


def _common(*peers: object) -> CommonTlsContext:
    context = upstream(SIDECAR, peers).typed_config.unpack()  # type: ignore[arg-type, union-attr]
    assert isinstance(context, UpstreamTlsContext)
    assert context.common_tls_context is not None
    return context.common_tls_context


def test_peers_are_matched_by_exact_uri() -> None:
    combined = _common(WEB, SHOP).combined_validation_context
    assert combined is not None
    assert combined.default_validation_context is not None
    matchers = combined.default_validation_context.match_typed_subject_alt_names
    assert [matcher.matcher.exact for matcher in matchers if matcher.matcher] == [
        str(WEB),
        str(SHOP),
    ]


def test_peers_of_the_own_trust_domain_need_its_bundle_alone_and_others_need_all() -> None:
    names = []
    for peers in ((WEB,), (WEB, PARTNER)):
        combined = _common(*peers).combined_validation_context
        assert combined is not None
        assert combined.validation_context_sds_secret_config is not None
        names.append(combined.validation_context_sds_secret_config.name)
    assert names == [str(TRUST_DOMAIN.id), "ALL"]


def test_a_sidecar_shows_its_own_identity_on_both_sides() -> None:
    context = downstream(SIDECAR, (WEB,)).typed_config.unpack()  # type: ignore[union-attr]
    assert isinstance(context, DownstreamTlsContext)
    assert context.common_tls_context is not None
    for common in (context.common_tls_context, _common(WEB)):
        assert [secret.name for secret in common.tls_certificate_sds_secret_configs] == [str(SHOP)]


def test_the_agent_is_asked_over_its_socket_with_short_retries() -> None:
    cluster = agent_cluster(SIDECAR)
    assert cluster.load_assignment is not None
    endpoint = cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint
    assert endpoint is not None
    assert endpoint.address is not None
    assert endpoint.address.pipe is not None
    assert endpoint.address.pipe.path == SIDECAR.socket
    secret = _common(WEB).tls_certificate_sds_secret_configs[0]
    assert secret.sds_config is not None
    assert secret.sds_config.api_config_source is not None
    source = secret.sds_config.api_config_source
    assert source.api_type == ApiConfigSourceApiType.GRPC
    service = source.grpc_services[0].envoy_grpc
    assert service is not None
    assert service.cluster_name == cluster.name
    assert service.retry_policy is not None
    assert service.retry_policy.retry_back_off is not None
    assert service.retry_policy.retry_back_off.max_interval == timedelta(seconds=1)
