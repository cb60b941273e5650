"""Where the rules lead: one listener for all that outbounds intercept, told apart by address.

The kernel still knows where the app meant to connect, and the most specific network decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network

from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import CidrRange
from envoy_data_plane.envoy.config.listener.v3 import (
    AdditionalAddress,
    FilterChain,
    FilterChainMatch,
    Listener,
)
from envoy_data_plane.envoy.extensions.filters.listener.original_dst.v3 import OriginalDst
from envoy_data_plane.envoy.extensions.filters.network.tcp_proxy.v3 import TcpProxy

from accredit.envoy import access_log, outbound, typed
from accredit.envoy.address import Destination, Endpoint
from accredit.envoy.redirect import original, targets
from accredit.envoy.redirect.targets import FAMILIES, Network
from accredit.envoy.sidecar import Redirect, Sidecar
from accredit.envoy.way import Security, Way

_IDLE = timedelta(hours=24)
_PASSED = Way("redirect", Security.APP)


def build(sidecar: Sidecar) -> tuple[list[Listener], list[Cluster]]:
    """Return the listener, and the cluster for what passes unchanged, if there is a redirect."""
    redirect = sidecar.redirect
    if redirect is None:
        return [], []
    listener = _listener(sidecar, redirect)
    if redirect.refuse:
        return [listener], []
    passing = TcpProxy(
        stat_prefix=_PASSED.stats,
        cluster=_PASSED.name,
        access_log=[access_log.of_connections(sidecar, _PASSED)],
        idle_timeout=_IDLE,
    )
    listener.default_filter_chain = FilterChain(
        name=_PASSED.name, filters=[typed.network_filter("tcp_proxy", passing)]
    )
    return [listener], [original.plain(_PASSED.name)]


def _listener(sidecar: Sidecar, redirect: Redirect) -> Listener:
    first, *others = (typed.address(each) for each in redirect.listen)
    return Listener(
        name=_PASSED.name,
        address=first,
        additional_addresses=[AdditionalAddress(address=each) for each in others],
        listener_filters=[typed.listener_filter("original_dst", OriginalDst())],
        filter_chains=[*(_closed(each) for each in redirect.listen), *_chains(sidecar, redirect)],
    )


def _closed(listen: Endpoint) -> FilterChain:
    """Return what ends connections that were meant for the listener itself.

    Envoy takes its own address for their destination, and would connect to itself without end.
    """
    network = ip_network(listen.host)
    return FilterChain(
        name=f"closed_{listen}",
        filter_chain_match=FilterChainMatch(
            destination_port=listen.port, prefix_ranges=[_range(network)]
        ),
    )


def _chains(sidecar: Sidecar, redirect: Redirect) -> Iterator[FilterChain]:
    for number, spec in enumerate(sidecar.outbound):
        name = outbound.name_of(number)
        for port, group in targets.by_port(spec.intercept).items():
            yield FilterChain(
                name=f"{name}_{port}",
                filter_chain_match=FilterChainMatch(
                    destination_port=port, prefix_ranges=_ranges(redirect, group)
                ),
                filters=outbound.filters(sidecar, name, spec),
            )


def _ranges(redirect: Redirect, destinations: Sequence[Destination]) -> list[CidrRange]:
    # Envoy refuses an IPv6 address on a machine without IPv6, whose listener has none either.
    return [
        _range(network)
        for family in FAMILIES
        if targets.listener(redirect, family)
        for network in targets.united(destinations, family)
    ]


def _range(network: Network) -> CidrRange:
    return CidrRange(address_prefix=str(network.network_address), prefix_len=network.prefixlen)
