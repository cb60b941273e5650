"""How connections are carried that are not HTTP."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import (
    TcpProxy,
    UpstreamConnectMode,
)
from envoy_data_plane.envoy.type.v3 import Percent

from accredit.envoy import access_log, typed
from accredit.envoy.sidecar import Sidecar
from accredit.envoy.way import Security, Way

_IDLE = timedelta(hours=24)
_ATTEMPTS = 3


def carry(sidecar: Sidecar, way: Way) -> Filter:
    """Return the filter that carries connections, each while its identities are good."""
    proxy = TcpProxy(
        stat_prefix=way.stats,
        cluster=way.name,
        access_log=[access_log.of_connections(sidecar, way)],
        max_connect_attempts=_ATTEMPTS,
        idle_timeout=_IDLE,
        max_downstream_connection_duration=sidecar.lifetime,
        max_downstream_connection_duration_jitter_percentage=Percent(value=10),
    )
    if way.security is Security.MTLS:
        # Else the app is connected to for strangers as well, until TLS has refused them.
        proxy.upstream_connect_mode = UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE
        proxy.max_early_data_bytes = 0
    return typed.network_filter("tcp_proxy", proxy)
