"""Which HTTP a cluster speaks."""

from __future__ import annotations

from dataclasses import replace

from envoy_data_plane.envoy.config.core.v3 import (
    Http1ProtocolOptions,
    Http2ProtocolOptions,
)
from envoy_data_plane.envoy.config.core.v3 import HttpProtocolOptions as CommonOptions
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions,
    HttpProtocolOptionsAutoHttpConfig,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.google.protobuf import Any

_NAME = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_HOST = "localhost"  # of a request in HTTP/1.0 that names none


def with_upgrades() -> Http2ProtocolOptions:
    """Return HTTP/2 options under which WebSockets can be carried (RFC 8441)."""
    return Http2ProtocolOptions(allow_connect=True)


def as_sent() -> Http1ProtocolOptions:
    """Return HTTP/1 options under which trailers, too, are carried on."""
    return Http1ProtocolOptions(enable_trailers=True)


def of_any_age() -> Http1ProtocolOptions:
    """Return the same for what comes from programs of any age: Envoy alone refuses HTTP/1.0."""
    return replace(as_sent(), accept_http_10=True, default_host_for_http_10=_HOST)


def http1(common: CommonOptions | None = None) -> dict[str, Any]:
    """Return the options of a cluster that speaks HTTP/1.1."""
    config = HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=as_sent())
    return _packed(
        HttpProtocolOptions(explicit_http_config=config, common_http_protocol_options=common)
    )


def http2(common: CommonOptions | None = None) -> dict[str, Any]:
    """Return the options of a cluster that speaks HTTP/2."""
    config = HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=with_upgrades())
    return _packed(
        HttpProtocolOptions(explicit_http_config=config, common_http_protocol_options=common)
    )


def by_alpn(common: CommonOptions) -> dict[str, Any]:
    """Return the options of a cluster that speaks what the other side chooses in TLS."""
    config = HttpProtocolOptionsAutoHttpConfig(
        http_protocol_options=as_sent(), http2_protocol_options=with_upgrades()
    )
    return _packed(HttpProtocolOptions(auto_config=config, common_http_protocol_options=common))


def _packed(options: HttpProtocolOptions) -> dict[str, Any]:
    return {_NAME: Any.pack(options)}
