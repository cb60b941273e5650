"""What is wrong with a sidecar as a whole, when each part of it is right."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.address import Endpoint
from accredit.envoy.redirect.mistakes import mistakes
from accredit.envoy.sidecar import Sidecar
from accredit.identity.yaml_lines import Key

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  compared, not bound


def conflicts(sidecar: Sidecar) -> Iterator[tuple[Key, str]]:
    """Yield the key and the reason of each."""
    yield from _same_ports(sidecar)
    yield from mistakes(sidecar)


def _same_ports(sidecar: Sidecar) -> Iterator[tuple[Key, str]]:
    taken: list[Endpoint] = []
    for key, listen in _listens(sidecar):
        for other in taken:
            if _clash(listen, other):
                yield key, f"{listen} is taken by {other} of this file"
        taken.append(listen)


def _listens(sidecar: Sidecar) -> Iterator[tuple[Key, Endpoint]]:
    for place, inbound in enumerate(sidecar.inbound):
        yield ("inbound", place, "listen"), inbound.listen
        if inbound.probe is not None:
            yield ("inbound", place, "probe", "listen"), inbound.probe.listen
    for place, outbound in enumerate(sidecar.outbound):
        if outbound.listen is not None:
            yield ("outbound", place, "listen"), outbound.listen
    for each in sidecar.redirect.listen if sidecar.redirect is not None else ():
        yield ("redirect", "listen"), each


def _clash(one: Endpoint, other: Endpoint) -> bool:
    if one.port != other.port:
        return False
    hosts = {one.host, other.host}
    if "::" in hosts:  # takes IPv4 as well
        return True
    return len(hosts) == 1 or (one.is_ipv6 == other.is_ipv6 and bool(hosts & _EVERYWHERE))
