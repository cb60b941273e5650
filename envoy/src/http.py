"""Listeners and clusters for HTTP apps, in both directions."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    HttpProtocolOptions,
    SocketAddress,
    SubstitutionFormatString,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.rbac.v3 import (
    Permission,
    Policy,
    Principal,
    Rbac,
    RbacAction,
)
from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicy,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.access_loggers.stream.v3 import StdoutAccessLog
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as RbacFilter
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerForwardClientCertDetails,
    HttpConnectionManagerSetCurrentClientCertDetails,
    HttpFilter,
)
from envoy_data_plane.envoy.extensions.rbac.principals.mtls_authenticated.v3 import Config as Mtls
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions as UpstreamOptions,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any, Struct, Value

from accredit.envoy import secret_discovery
from accredit.envoy.sidecar import Endpoint, Inbound, Outbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId

_LOG = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "caller": "%DOWNSTREAM_PEER_URI_SAN%",
    "caller_serial": "%DOWNSTREAM_PEER_SERIAL%",
    "server": "%UPSTREAM_PEER_URI_SAN%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}


def _address(endpoint: Endpoint) -> Address:
    return Address(socket_address=SocketAddress(address=endpoint.host, port_value=endpoint.port))


def _access_log(sidecar: Sidecar) -> AccessLog:
    fields = {**_LOG, **sidecar.log_fields}
    line = Struct(fields={key: Value(string_value=value) for key, value in fields.items()})
    return AccessLog(
        name="envoy.access_loggers.stdout",
        typed_config=Any.pack(
            StdoutAccessLog(log_format=SubstitutionFormatString(json_format=line))
        ),
    )


def _allow(callers: tuple[SpiffeId, ...]) -> HttpFilter:
    """Authorise by the validated certificate, a second time after TLS has."""
    principals = [
        Principal(
            custom=TypedExtensionConfig(
                name="envoy.rbac.principals.mtls_authenticated",
                typed_config=Any.pack(
                    Mtls(
                        san_matcher=SubjectAltNameMatcher(
                            san_type=SubjectAltNameMatcherSanType.URI,
                            matcher=StringMatcher(exact=str(caller)),
                        )
                    )
                ),
            )
        )
        for caller in callers
    ]
    policy = Policy(permissions=[Permission(any=True)], principals=principals)
    rules = Rbac(action=RbacAction.ALLOW, policies={"callers": policy})
    return HttpFilter(
        name="envoy.filters.http.rbac", typed_config=Any.pack(RbacFilter(rules=rules))
    )


def _router() -> HttpFilter:
    return HttpFilter(name="envoy.filters.http.router", typed_config=Any.pack(Router()))


def _manager(
    sidecar: Sidecar, name: str, filters: list[HttpFilter], retry: RetryPolicy
) -> HttpConnectionManager:
    action = RouteAction(cluster=name, timeout=timedelta(0), retry_policy=retry)
    route = Route(match=RouteMatch(prefix="/"), route=action)
    return HttpConnectionManager(
        stat_prefix=name,
        route_config=RouteConfiguration(
            name=name, virtual_hosts=[VirtualHost(name=name, domains=["*"], routes=[route])]
        ),
        http_filters=filters,
        access_log=[_access_log(sidecar)],
        normalize_path=True,
        merge_slashes=True,
        request_headers_timeout=timedelta(seconds=30),
        common_http_protocol_options=HttpProtocolOptions(
            max_connection_duration=sidecar.connection_lifetime, idle_timeout=timedelta(hours=1)
        ),
        http1_safe_max_connection_duration=True,
        stream_idle_timeout=timedelta(minutes=5),
    )


def _listener(name: str, at: Endpoint, manager: HttpConnectionManager) -> Listener:
    http = Filter(
        name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager)
    )
    return Listener(name=name, address=_address(at), filter_chains=[FilterChain(filters=[http])])


def inbound(sidecar: Sidecar, number: int, spec: Inbound) -> tuple[Listener, Cluster]:
    """Return the mutual-TLS listener and the cluster that is the app behind it."""
    name = f"inbound_{number}"
    # A request that never reached the app is safe to send again, whatever its method.
    retry = RetryPolicy(retry_on="connect-failure,refused-stream", num_retries=1)
    manager = _manager(sidecar, name, [_allow(spec.allow), _router()], retry)
    manager.forward_client_cert_details = HttpConnectionManagerForwardClientCertDetails.SANITIZE_SET
    manager.set_current_client_cert_details = HttpConnectionManagerSetCurrentClientCertDetails(
        uri=True, subject=True
    )
    listener = _listener(name, spec.listen, manager)
    listener.filter_chains[0].transport_socket = secret_discovery.downstream(sidecar, spec.allow)
    cluster = Cluster(
        name=name,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=2),
        load_assignment=secret_discovery.endpoint(name, _address(spec.app)),
    )
    return listener, cluster


def outbound(sidecar: Sidecar, number: int, spec: Outbound) -> tuple[Listener, Cluster]:
    """Return the plain listener for the app and the mutual-TLS cluster it leads to."""
    name = f"outbound_{number}"
    retry = RetryPolicy(
        retry_on="connect-failure,refused-stream,reset-before-request", num_retries=2
    )
    manager = _manager(sidecar, name, [_router()], retry)
    options = UpstreamOptions(
        common_http_protocol_options=HttpProtocolOptions(
            max_connection_duration=sidecar.connection_lifetime
        )
    )
    cluster = Cluster(
        name=name,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=2),
        typed_extension_protocol_options=secret_discovery.http2(options),
        transport_socket=secret_discovery.upstream(sidecar, spec.expect),
        load_assignment=secret_discovery.endpoint(name, _address(spec.to)),
    )
    return _listener(name, spec.listen, manager), cluster
