from __future__ import annotations

from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router

from accredit.envoy import typed
from accredit.envoy.address import Endpoint, Pipe


def test_a_filter_has_its_kind_in_its_name_and_its_type_beside_it() -> None:
    router = Router(suppress_envoy_headers=True)
    for made, name in (
        (typed.http_filter("router", router), "envoy.filters.http.router"),
        (typed.network_filter("x", router), "envoy.filters.network.x"),
        (typed.listener_filter("x", router), "envoy.filters.listener.x"),
        (typed.extension("x", router), "x"),
    ):
        assert made.name == name
        assert made.typed_config is not None
        assert made.typed_config.unpack() == router


def test_addresses_are_sockets_or_pipes() -> None:
    assert typed.address(Pipe("/run/a")).to_dict() == {"pipe": {"path": "/run/a"}}
    plain = {"socketAddress": {"address": "::", "portValue": 1}}
    assert typed.address(Endpoint("::", 1)).to_dict() == plain


def test_listening_everywhere_is_everywhere() -> None:
    listening = typed.listening(Endpoint("::", 1)).socket_address
    assert listening is not None
    assert listening.ipv4_compat
    for host in ("::1", "0.0.0.0", "127.0.0.1"):
        listening = typed.listening(Endpoint(host, 1)).socket_address
        assert listening is not None
        assert not listening.ipv4_compat
