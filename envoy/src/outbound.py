"""From the app to other workloads."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener

from accredit.envoy import clusters, http, jwt, tcp, typed
from accredit.envoy.redirect import original
from accredit.envoy.sidecar import Outbound, Sidecar
from accredit.envoy.way import Security, Way


def name_of(number: int) -> str:
    """Return what the outbound in that place is called."""
    return f"outbound_{number}"


def build(sidecar: Sidecar, number: int, spec: Outbound) -> tuple[list[Listener], Cluster]:
    """Return the plain listener for the app, if it has one, and the servers it leads to."""
    name = name_of(number)
    servers = original.servers if spec.to_original else clusters.servers
    cluster = servers(sidecar, name, spec)
    if spec.listen is None:
        return [], cluster
    chain = FilterChain(filters=filters(sidecar, name, spec))
    listener = Listener(name=name, address=typed.listening(spec.listen), filter_chains=[chain])
    return [listener], cluster


def filters(sidecar: Sidecar, name: str, spec: Outbound) -> list[Filter]:
    """Return what carries the app's connections to the cluster of that name."""
    way = Way(name, Security.APP)
    if not spec.protocol.is_http:
        return [tcp.carry(sidecar, way)]
    return [http.outbound(sidecar, way, spec, jwt.sent_along(sidecar, spec))]
