from __future__ import annotations

from typing import Any

from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptions
from envoy_data_plane.google.protobuf import Any as Packed

from accredit.envoy import http_options

_NAME = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_COMMON = HttpProtocolOptions(max_requests_per_connection=7)


def _plain(options: dict[str, Packed]) -> dict[str, Any]:
    ((name, packed),) = options.items()
    assert name == _NAME
    return packed.to_dict()


def test_one_http_is_chosen_or_it_is_left_to_tls() -> None:
    assert list(_plain(http_options.http1())["explicitHttpConfig"]) == ["httpProtocolOptions"]
    assert list(_plain(http_options.http2())["explicitHttpConfig"]) == ["http2ProtocolOptions"]
    both = _plain(http_options.by_alpn(_COMMON))["autoConfig"]
    assert set(both) == {"httpProtocolOptions", "http2ProtocolOptions"}


def test_what_holds_for_every_http_stands_beside_it() -> None:
    for make in (http_options.http1, http_options.http2, http_options.by_alpn):
        common = _plain(make(_COMMON))["commonHttpProtocolOptions"]
        assert common == {"maxRequestsPerConnection": 7}


def test_websockets_pass_http2() -> None:
    assert http_options.with_upgrades().allow_connect is True


def test_programs_of_http_10_are_served_with_or_without_a_host() -> None:
    options = http_options.of_any_age()
    assert options.accept_http_10
    assert options.default_host_for_http_10 == "localhost"
    assert options.enable_trailers
