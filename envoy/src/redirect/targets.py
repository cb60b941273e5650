"""What of an app's connections is steered away, and where to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import groupby
from operator import attrgetter
from typing import Literal

from accredit.envoy.address import Destination, Endpoint
from accredit.envoy.sidecar import Redirect, Sidecar

Network = IPv4Network | IPv6Network
Family = Literal[4, 6]

FAMILIES: tuple[Family, ...] = (4, 6)
EVERYWHERE: Mapping[Family, Network] = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}
LOOPBACK: Mapping[Family, Network] = {4: IPv4Network("127.0.0.0/8"), 6: IPv6Network("::1/128")}


def listener(redirect: Redirect, family: Family) -> Endpoint | None:
    """Return where the connections of a family are sent: the first address of it."""
    return next((each for each in redirect.listen if each.is_ipv6 == (family == 6)), None)


def networks(destination: Destination, family: Family) -> tuple[Network, ...]:
    """Return the addresses of a family that it stands for."""
    if destination.network is None:
        return (EVERYWHERE[family],)
    return (destination.network,) if destination.network.version == family else ()


def is_loopback(network: Network) -> bool:
    """Whether it is this machine alone; what merely holds loopback addresses is not."""
    if isinstance(network, IPv4Network):
        return network.subnet_of(IPv4Network("127.0.0.0/8"))
    return network == LOOPBACK[6]


def by_port(destinations: Iterable[Destination]) -> dict[int, tuple[Destination, ...]]:
    """Return the destinations of each port, in the order of the ports."""
    port = attrgetter("port")
    return {number: tuple(group) for number, group in groupby(sorted(destinations, key=port), port)}


def intercepted(sidecar: Sidecar) -> tuple[Destination, ...]:
    """Return what any outbound intercepts."""
    return tuple(each for outbound in sidecar.outbound for each in outbound.intercept)


def united(destinations: Iterable[Destination], family: Family) -> list[Network]:
    """Return the fewest networks of a family that hold the same addresses."""
    found = [each for destination in destinations for each in networks(destination, family)]
    # mypy has no word for a list of one family or the other.
    return list(collapse_addresses(found))  # type: ignore[type-var]
