"""How requests are carried, in both directions: as little changed as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutation as FieldMutation
from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutationRemoveOnMatch
from envoy_data_plane.envoy.config.core.v3 import CidrRange, HttpProtocolOptions
from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicy,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.header_mutation.v3 import (
    HeaderMutation,
    Mutations,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
    HttpConnectionManagerInternalAddressConfig,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerServerHeaderTransformation,
    HttpConnectionManagerSetCurrentClientCertDetails,
    HttpConnectionManagerUpgradeConfig,
    HttpFilter,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent

from accredit.envoy import access_log, typed
from accredit.envoy.field_names import spellings
from accredit.envoy.http_options import of_any_age, with_upgrades
from accredit.envoy.sidecar import Inbound, Outbound, Sidecar
from accredit.envoy.way import Way

_AN_HOUR = timedelta(hours=1)
_JITTER = Percent(value=10)
# Sent by a caller these would be taken for Envoy's own word; it removes the others by itself.
_ENVOYS_WORD = [
    f"x-envoy-{name}"
    for name in ("attempt-count", "external-address", "is-timeout-retry", "original-dst-host")
]
# Without a range Envoy takes private addresses for its own; nobody connects from this one.
_NOBODY = CidrRange(address_prefix="0.0.0.0", prefix_len=32)  # noqa: S104  compared, not bound
_CALLER = "x-forwarded-client-cert"
# Some programs read trailers as if they were header fields. Envoy takes nothing out of them.
_NOT_IN_TRAILERS = "x-envoy-.*|authorization|x-forwarded-proto|" + _CALLER.replace("-", "[-_]")


def inbound(sidecar: Sidecar, way: Way, spec: Inbound, filters: Sequence[HttpFilter]) -> Filter:
    """Return the manager of requests from other workloads to the app."""
    # A request that never reached the app is safe to send again, whatever its method.
    retry = RetryPolicy(retry_on="connect-failure,refused-stream", num_retries=1)
    action = RouteAction(cluster=way.name, timeout=spec.timeout, retry_policy=retry)
    manager = _manager(sidecar, way, action, filters)
    manager.common_http_protocol_options = replace(
        bounded(sidecar), max_stream_duration=max(sidecar.svid_ttl, sidecar.lifetime)
    )
    tell_who_calls(manager)
    if any(rule.paths for rule in spec.allow):
        # What is compared must be what the app will read; else the app gets what was sent.
        manager.normalize_path = True
        manager.merge_slashes = True
        manager.path_with_escaped_slashes_action = (
            HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST
        )
    return _filter(manager)


def outbound(sidecar: Sidecar, way: Way, spec: Outbound, filters: Sequence[HttpFilter]) -> Filter:
    """Return the manager of the app's own requests."""
    retry = RetryPolicy(
        retry_on="connect-failure,refused-stream,reset-before-request", num_retries=spec.retries
    )
    action = RouteAction(cluster=way.name, timeout=spec.timeout, retry_policy=retry)
    return _filter(_manager(sidecar, way, action, filters))


def _manager(
    sidecar: Sidecar, way: Way, action: RouteAction, filters: Sequence[HttpFilter]
) -> HttpConnectionManager:
    route = Route(match=RouteMatch(prefix="/"), route=action)
    host = VirtualHost(name=way.name, domains=["*"], routes=[route])
    router = typed.http_filter("router", Router(suppress_envoy_headers=True))
    manager = HttpConnectionManager(
        stat_prefix=way.stats,
        route_config=RouteConfiguration(name=way.name, virtual_hosts=[host]),
        http_filters=[*filters, router],
        access_log=[access_log.of_requests(sidecar, way)],
        normalize_path=False,
        preserve_external_request_id=True,
        server_header_transformation=HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH,
        upgrade_configs=[HttpConnectionManagerUpgradeConfig(upgrade_type="websocket")],
        http_protocol_options=of_any_age(),
        http2_protocol_options=with_upgrades(),
        proxy_100_continue=True,
        request_headers_timeout=timedelta(seconds=30),
        stream_idle_timeout=_AN_HOUR,
        common_http_protocol_options=bounded(sidecar),
        http1_safe_max_connection_duration=True,
    )
    distrust(manager)
    return manager


def bounded(sidecar: Sidecar) -> HttpProtocolOptions:
    """Return options under which a connection ends while its identities are still good.

    Envoy drains it: no request is lost.
    """
    return HttpProtocolOptions(
        max_connection_duration=sidecar.lifetime,
        max_connection_duration_jitter=_JITTER,
        idle_timeout=_AN_HOUR,
    )


def tell_who_calls(manager: HttpConnectionManager) -> None:
    """Let the app hear from this Envoy alone who calls; nothing where nobody is known."""
    manager.forward_client_cert_details = HttpConnectionManagerForwardClientCertDetails.SANITIZE_SET
    manager.set_current_client_cert_details = HttpConnectionManagerSetCurrentClientCertDetails(
        uri=True
    )
    _remove(manager, [name for name in spellings(_CALLER) if name != _CALLER])
    manager.http_filters.insert(-1, _honest_trailers())  # the router stays the last


def _honest_trailers() -> HttpFilter:
    matcher = StringMatcher(safe_regex=RegexMatcher(regex=_NOT_IN_TRAILERS))
    removal = HeaderMutationRemoveOnMatch(key_matcher=matcher)
    mutations = Mutations(request_trailers_mutations=[FieldMutation(remove_on_match=removal)])
    return typed.http_filter("header_mutation", HeaderMutation(mutations=mutations))


def distrust(manager: HttpConnectionManager) -> None:
    """Take neither a caller nor the app for part of this Envoy, which x-envoy-* headers steer."""
    manager.use_remote_address = True
    manager.skip_xff_append = True  # the app sees the header as it would without a sidecar
    manager.internal_address_config = HttpConnectionManagerInternalAddressConfig(
        cidr_ranges=[_NOBODY]
    )
    _remove(manager, _ENVOYS_WORD)


def _remove(manager: HttpConnectionManager, names: Sequence[str]) -> None:
    assert manager.route_config is not None  # noqa: S101  set by who made it
    manager.route_config.request_headers_to_remove += names


def _filter(manager: HttpConnectionManager) -> Filter:
    return typed.network_filter("http_connection_manager", manager)
