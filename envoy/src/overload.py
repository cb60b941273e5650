"""How much one sidecar may be made to hold."""

from __future__ import annotations

from envoy_data_plane.envoy.config.overload.v3 import OverloadManager, ResourceMonitor
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import (
    DownstreamConnectionsConfig,
)
from envoy_data_plane.google.protobuf import Any

_MAX_CONNECTIONS = 50_000  # of all listeners together


def manager() -> OverloadManager:
    """Return the bound on connections: one more is closed, and none that is open suffers."""
    bound = DownstreamConnectionsConfig(max_active_downstream_connections=_MAX_CONNECTIONS)
    monitor = ResourceMonitor(
        name="envoy.resource_monitors.global_downstream_max_connections",
        typed_config=Any.pack(bound),
    )
    return OverloadManager(resource_monitors=[monitor])
