from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.rbac.v3 import RbacAction
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
)
from envoy_data_plane.envoy.extensions.rbac.principals.mtls_authenticated.v3 import Config
from support.sidecar_sample import INBOUND, OUTBOUND, SIDECAR, WEB

from accredit.envoy import http


def _manager(listener: Listener) -> HttpConnectionManager:
    packed = listener.filter_chains[0].filters[0].typed_config
    assert packed is not None
    manager = packed.unpack()
    assert isinstance(manager, HttpConnectionManager)
    return manager


def test_what_a_caller_claims_about_its_certificate_is_replaced() -> None:
    listener, _ = http.inbound(SIDECAR, 0, INBOUND)
    assert (
        _manager(listener).forward_client_cert_details
        == HttpConnectionManagerForwardClientCertDetails.SANITIZE_SET
    )


def test_callers_are_authorised_by_their_validated_certificate_before_the_app_is_asked() -> None:
    listener, _ = http.inbound(SIDECAR, 0, INBOUND)
    first, last = _manager(listener).http_filters
    assert last.name == "envoy.filters.http.router"
    assert first.typed_config is not None
    rbac = first.typed_config.unpack()
    assert isinstance(rbac, Rbac)
    assert rbac.rules is not None
    assert rbac.rules.action == RbacAction.ALLOW
    (principal,) = rbac.rules.policies["callers"].principals
    assert principal.custom is not None
    assert principal.custom.typed_config is not None
    config = principal.custom.typed_config.unpack()
    assert isinstance(config, Config)
    assert config.san_matcher is not None
    assert config.san_matcher.matcher is not None
    assert config.san_matcher.matcher.exact == str(WEB)


def test_no_connection_outlives_its_bound() -> None:
    listeners = [
        http.inbound(SIDECAR, 0, INBOUND)[0],
        http.outbound(SIDECAR, 0, OUTBOUND)[0],
    ]
    for listener in listeners:
        options = _manager(listener).common_http_protocol_options
        assert options is not None
        assert options.max_connection_duration == SIDECAR.connection_lifetime


def test_the_app_is_reached_in_plain_and_the_peer_by_mutual_tls() -> None:
    listener, app = http.inbound(SIDECAR, 0, INBOUND)
    assert app.transport_socket is None
    assert listener.filter_chains[0].transport_socket is not None
    listener, peer = http.outbound(SIDECAR, 0, OUTBOUND)
    assert peer.transport_socket is not None
    assert listener.filter_chains[0].transport_socket is None
