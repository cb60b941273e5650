from __future__ import annotations

from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import (
    DownstreamConnectionsConfig,
)
from support.sidecar_sample import SIDECAR

from accredit.envoy.bootstrap import bootstrap


def test_strangers_cannot_open_connections_without_end_and_the_admin_is_not_counted() -> None:
    made = bootstrap(SIDECAR)
    assert made.overload_manager is not None
    (monitor,) = made.overload_manager.resource_monitors
    assert monitor.typed_config is not None
    bound = monitor.typed_config.unpack()
    assert isinstance(bound, DownstreamConnectionsConfig)
    assert 0 < bound.max_active_downstream_connections < 2**17
    assert made.admin is not None
    assert made.admin.ignore_global_conn_limit
