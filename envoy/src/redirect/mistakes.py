"""What a sidecar cannot mean by its redirect."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from accredit.envoy.address import Destination
from accredit.envoy.redirect import targets
from accredit.envoy.redirect.targets import FAMILIES, Network
from accredit.envoy.sidecar import Redirect, Sidecar
from accredit.identity.yaml_lines import Key


def mistakes(sidecar: Sidecar) -> Iterator[tuple[Key, str]]:
    """Yield the key, counted from the sidecar's, and the reason of each."""
    redirect = sidecar.redirect
    found = {
        ("outbound", number, "intercept", place): destination
        for number, outbound in enumerate(sidecar.outbound)
        for place, destination in enumerate(outbound.intercept)
    }
    yield from _intercepted_twice(found)
    for key, destination in found.items():
        if redirect is None:
            yield key, "needs 'redirect:' beside 'outbound:', which says whose connections"
        elif reason := _mistake_in(redirect, destination):
            yield key, reason
    if redirect is not None and not found and not redirect.refuse:
        yield ("redirect",), "has nothing to steer; give an outbound 'intercept'"


def _intercepted_twice(
    found: dict[tuple[str, int, str, int], Destination],
) -> Iterator[tuple[Key, str]]:
    first: dict[tuple[Network, int], int] = {}
    for key, each in found.items():
        pairs = [(n, each.port) for family in FAMILIES for n in targets.networks(each, family)]
        earlier = {first.setdefault(pair, key[1]) for pair in pairs} - {key[1]}
        if earlier:
            yield key, f"{each} is intercepted by outbound[{min(earlier)}] already"


def _mistake_in(redirect: Redirect, destination: Destination) -> str:
    network = destination.network
    if network is None:
        return ""
    listener = targets.listener(redirect, network.version)
    if listener is None:
        return f"{destination} needs an IPv{network.version} address in 'redirect: listen'"
    inside = targets.is_loopback(network) and ip_address(listener.host) in network
    if inside and listener.port == destination.port:
        return f"{destination} is where the redirect itself listens"
    return ""
