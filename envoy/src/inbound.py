"""From other workloads to the app."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.listener.v3 import (
    Filter,
    FilterChain,
    FilterChainMatch,
    Listener,
)
from envoy_data_plane.envoy.extensions.filters.listener.tls_inspector.v3 import TlsInspector

from accredit.envoy import (
    access_log,
    authorization,
    clusters,
    http,
    jwt,
    probe,
    tcp,
    tls,
    typed,
)
from accredit.envoy.sidecar import Inbound, Sidecar
from accredit.envoy.way import Security, Way

_HANDSHAKE = timedelta(seconds=15)
_FIRST_BYTES = timedelta(seconds=2)


def build(sidecar: Sidecar, number: int, spec: Inbound) -> tuple[list[Listener], Cluster]:
    """Return the listeners of an inbound and the app behind them."""
    way = Way(f"inbound_{number}", Security.MTLS)
    listener = Listener(
        name=way.name,
        address=typed.listening(spec.listen),
        filter_chains=[_mutual_tls(sidecar, way, spec)],
        access_log=[access_log.of_refusals(sidecar, way)],
    )
    if spec.until is not None:
        _accept_plaintext(listener, sidecar, Way(way.name, Security.PLAINTEXT), spec)
    listeners = [listener]
    if spec.probe is not None:
        listeners.append(probe.listener(sidecar, way.name, spec.probe))
    return listeners, clusters.app(way.name, spec)


def _mutual_tls(sidecar: Sidecar, way: Way, spec: Inbound) -> FilterChain:
    return FilterChain(
        name=way.security.value,
        filters=_filters(sidecar, way, spec),
        transport_socket=tls.downstream(sidecar, spec),
        transport_socket_connect_timeout=_HANDSHAKE,
    )


def _filters(sidecar: Sidecar, way: Way, spec: Inbound) -> list[Filter]:
    known = way.security is Security.MTLS
    if not spec.protocol.is_http:
        allowed = authorization.network_filters(way.name, spec.allow) if known else []
        return [*allowed, tcp.carry(sidecar, way)]
    checks = authorization.http_filters(spec.allow) if known else []
    return [http.inbound(sidecar, way, spec, [*checks, *jwt.demanded(sidecar, spec)])]


def _accept_plaintext(listener: Listener, sidecar: Sidecar, way: Way, spec: Inbound) -> None:
    """Take plaintext on the same port; a TLS client never falls back to it."""
    listener.listener_filters = [typed.listener_filter("tls_inspector", TlsInspector())]
    # In some protocols the server speaks first, so a client that says nothing is a plain one. In
    # HTTP it never does, and one that is slow may yet begin with TLS.
    listener.listener_filters_timeout = _HANDSHAKE if spec.protocol.is_http else _FIRST_BYTES
    listener.continue_on_listener_filters_timeout = True
    listener.filter_chains[0].filter_chain_match = FilterChainMatch(transport_protocol="tls")
    listener.filter_chains.append(
        FilterChain(
            name=way.security.value,
            filter_chain_match=FilterChainMatch(transport_protocol="raw_buffer"),
            filters=_filters(sidecar, way, spec),
        )
    )
