"""A plain port for whoever watches the app's health and has no certificate."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    HeaderMatcher,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher

from accredit.envoy import access_log, http, typed
from accredit.envoy.http_options import of_any_age
from accredit.envoy.sidecar import Probe, Sidecar
from accredit.envoy.way import Security, Way

_FIRST_REQUEST = timedelta(seconds=30)


def listener(sidecar: Sidecar, cluster: str, probe: Probe) -> Listener:
    """Return the listener: GET and HEAD of the probe's paths, and 404 for anything else."""
    name = f"{cluster}_probe"
    host = VirtualHost(
        name=name, domains=["*"], routes=[_route(path, cluster) for path in probe.paths]
    )
    manager = HttpConnectionManager(
        stat_prefix=name,
        route_config=RouteConfiguration(name=name, virtual_hosts=[host]),
        http_filters=[typed.http_filter("router", Router(suppress_envoy_headers=True))],
        access_log=[access_log.of_requests(sidecar, Way(name, Security.PROBE))],
        normalize_path=True,
        http_protocol_options=of_any_age(),
        request_headers_timeout=_FIRST_REQUEST,
    )
    http.tell_who_calls(manager)
    http.distrust(manager)
    chain = FilterChain(filters=[typed.network_filter("http_connection_manager", manager)])
    return Listener(name=name, address=typed.listening(probe.listen), filter_chains=[chain])


def _route(path: str, cluster: str) -> Route:
    reading = StringMatcher(safe_regex=RegexMatcher(regex="GET|HEAD"))
    return Route(
        match=RouteMatch(path=path, headers=[HeaderMatcher(name=":method", string_match=reading)]),
        route=RouteAction(cluster=cluster),
    )
