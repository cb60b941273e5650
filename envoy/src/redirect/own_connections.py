"""How the rules know the sidecar's own connections, whoever runs it, so that none goes in a circle.

The mark is one every process may set on its sockets, and which never leaves the machine.
"""

from __future__ import annotations

import socket

from envoy_data_plane.envoy.config.core.v3 import BindConfig, SocketOption

from accredit.envoy.redirect.rules import OWN_PRIORITY


def mark() -> BindConfig:
    """Return what a sidecar's sockets are made with."""
    option = SocketOption(
        description="the sidecar's own, not to be redirected",
        level=socket.SOL_SOCKET,
        name=socket.SO_PRIORITY,
        int_value=OWN_PRIORITY,
    )
    return BindConfig(socket_options=[option])
