"""A whole Envoy bootstrap for one sidecar, typed with envoy_data_plane."""

from __future__ import annotations

import json
import re
from typing import Any

import betterproto2
import yaml
from envoy_data_plane.envoy.config.bootstrap.v3 import (
    Admin,
    Bootstrap,
    BootstrapStaticResources,
    ClusterManager,
)
from envoy_data_plane.envoy.config.core.v3 import Address, Node, Pipe
from envoy_data_plane.google.protobuf import Struct, Value

from accredit.envoy import inbound, jwt, outbound, overload, secret_discovery
from accredit.envoy.redirect import listener as redirect
from accredit.envoy.redirect import own_connections
from accredit.envoy.sidecar import Sidecar

_OWNER_ONLY = 0o600
_YES_OR_NO = re.compile("[yYnN]")
_SPIFFE_ID = "accredit.spiffe_id"


class _Dumper(yaml.SafeDumper):
    """Quotes what PyYAML takes for text and Envoy's parser for a boolean."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", _YES_OR_NO, list("yYnN"))


def bootstrap(sidecar: Sidecar) -> Bootstrap:
    """Return the bootstrap: static listeners and clusters, every secret from the agent.

    Raises:
        ValueError: an inbound allows nobody, or an outbound expects nobody.
    """
    pairs = [inbound.build(sidecar, n, spec) for n, spec in enumerate(sidecar.inbound)]
    pairs += [outbound.build(sidecar, n, spec) for n, spec in enumerate(sidecar.outbound)]
    redirected, passing = redirect.build(sidecar)
    return Bootstrap(
        node=_node(sidecar),
        admin=Admin(
            address=Address(pipe=Pipe(path=sidecar.admin_socket, mode=_OWNER_ONLY)),
            ignore_global_conn_limit=True,  # so that a full sidecar can still be asked why
        ),
        overload_manager=overload.manager(),
        cluster_manager=_cluster_manager(sidecar),
        static_resources=BootstrapStaticResources(
            listeners=[
                *(listener for listeners, _ in pairs for listener in listeners),
                *redirected,
            ],
            clusters=[
                secret_discovery.agent_cluster(sidecar),
                *jwt.jwks_clusters(sidecar),
                *(cluster for _, cluster in pairs),
                *passing,
            ],
        ),
    )


def to_json(sidecar: Sidecar) -> str:
    """Return the bootstrap as JSON that ``envoy --config-path`` reads."""
    return json.dumps(_plain(sidecar), indent=1) + "\n"


def to_yaml(sidecar: Sidecar) -> str:
    """Return the bootstrap as YAML that ``envoy --config-path`` reads."""
    # safe_dump's options, with a dumper of our own.
    return str(yaml.dump(_plain(sidecar), Dumper=_Dumper, sort_keys=False, width=100))


def _plain(sidecar: Sidecar) -> dict[str, Any]:
    return bootstrap(sidecar).to_dict(casing=betterproto2.Casing.SNAKE)


def _cluster_manager(sidecar: Sidecar) -> ClusterManager | None:
    if sidecar.redirect is None:
        return None
    return ClusterManager(upstream_bind_config=own_connections.mark())


def _node(sidecar: Sidecar) -> Node:
    node = Node(id=sidecar.name, cluster=sidecar.name)
    if sidecar.spiffe_id is not None:
        # Tokens are of the default identity; this says which that is to be.
        chosen = Value(string_value=str(sidecar.spiffe_id))
        node.metadata = Struct(fields={_SPIFFE_ID: chosen})
    return node
