"""A whole Envoy bootstrap for one sidecar, typed with envoy_data_plane."""

from __future__ import annotations

import json

import betterproto2
from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapStaticResources,
)
from envoy_data_plane.envoy.config.core.v3 import Address, Node, Pipe

from accredit.envoy import http, secret_discovery
from accredit.envoy.sidecar import Sidecar

_OWNER_ONLY = 0o600


def bootstrap(sidecar: Sidecar) -> Bootstrap:
    """Return the bootstrap: static listeners and clusters, every secret from the agent.

    Raises:
        ValueError: an inbound allows nobody, or an outbound expects nobody.
    """
    pairs = [http.inbound(sidecar, n, spec) for n, spec in enumerate(sidecar.inbound)]
    pairs += [http.outbound(sidecar, n, spec) for n, spec in enumerate(sidecar.outbound)]
    return Bootstrap(
        node=Node(id=sidecar.name, cluster=sidecar.name),
        admin=Admin(
            address=Address(pipe=Pipe(path=sidecar.admin_socket, mode=_OWNER_ONLY)),
        ),
        static_resources=BootstrapStaticResources(
            listeners=[listener for listener, _ in pairs],
            clusters=[secret_discovery.agent_cluster(sidecar), *(cluster for _, cluster in pairs)],
        ),
    )


def to_json(sidecar: Sidecar) -> str:
    """Return the bootstrap as JSON that ``envoy --config-path`` reads."""
    plain = bootstrap(sidecar).to_dict(casing=betterproto2.Casing.SNAKE)
    return json.dumps(plain, indent=1) + "\n"
