"""What is wrong with a sidecar as a whole, when each part of it is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from posixpath import normpath

from accredit.envoy.address import (
    Address,
    Destination,
    Endpoint,
    Pipe,
    parse_destination,
)
from accredit.envoy.file.fields import Fields
from accredit.envoy.redirect.mistakes import mistakes
from accredit.envoy.sidecar import Inbound, Outbound, Sidecar
from accredit.identity.yaml_lines import Key

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  compared, not bound


@dataclass(frozen=True, slots=True)
class Parts:
    """What could be read, each with the section it was read from; ``whole`` holds them all."""

    whole: Fields
    inbound: Sequence[tuple[Fields, Inbound]]
    outbound: Sequence[tuple[Fields, Outbound]]


def report(parts: Parts, sidecar: Sidecar) -> None:
    """Report each conflict in ``sidecar``, which was made of ``parts``, at the later place."""
    _check_listens(parts, sidecar)
    _check_sockets(parts, sidecar)
    # What could not be read has been reported already, and is not missing.
    steered = any("intercept" in fields.data for fields, _ in parts.outbound)
    redirected = sidecar.redirect is not None or "redirect" not in parts.whole.data
    for key, reason in mistakes(sidecar):
        if key[0] == "outbound" and redirected:
            fields, outbound = parts.outbound[int(key[1])]
            place = _place(fields, outbound.intercept[int(key[3])])
            fields.wrong("intercept", reason, *place)
        elif key[0] == "redirect" and not steered:
            parts.whole.wrong("redirect", reason)


def _check_sockets(parts: Parts, sidecar: Sidecar) -> None:
    """Report an app that would be Envoy's admin interface or the agent, who takes it for us."""
    own = {
        normpath(sidecar.admin_socket): "Envoy's admin socket",
        normpath(sidecar.socket): "the agent's socket",
    }
    for fields, inbound in parts.inbound:
        if isinstance(inbound.app, Pipe) and (what := own.get(normpath(inbound.app.path))):
            fields.wrong("app", f"is {what}; expected the app's own address")


def _place(fields: Fields, destination: Destination) -> Key:
    for place, value in fields.items("intercept"):
        with suppress(ValueError):
            if isinstance(value, str) and parse_destination(value) == destination:
                return place
    return ()


def _check_listens(parts: Parts, sidecar: Sidecar) -> None:
    taken: list[Endpoint] = []
    for fields, key, listen in _listens(parts, sidecar):
        if other := _taken(listen, taken):
            fields.wrong(key[0], f"{listen} is taken by {other} of this file", *key[1:])
        taken.append(listen)
    for fields, inbound in parts.inbound:
        # An app may not be another way into this sidecar either: whoever may call it would leave
        # by an outbound with the sidecar's own identity.
        if other := next((each for each in taken if _leads_to(inbound.app, each)), None):
            reason = f"is where this sidecar listens ({other}); expected the app's own address"
            fields.wrong("app", reason)


def _taken(listen: Endpoint, taken: Sequence[Endpoint]) -> Endpoint | None:
    return next((other for other in taken if _clash(listen, other)), None)


def _leads_to(app: Address, listen: Endpoint) -> bool:
    if not isinstance(app, Endpoint) or app.is_name or not _clash(app, listen):
        return False
    # An app may well have the same port on another machine.
    return app.host == listen.host or app.host in _EVERYWHERE or ip_address(app.host).is_loopback


def _listens(parts: Parts, sidecar: Sidecar) -> Iterator[tuple[Fields, tuple[str, ...], Endpoint]]:
    for fields, inbound in parts.inbound:
        yield fields, ("listen",), inbound.listen
        if inbound.probe is not None:
            yield fields, ("probe", "listen"), inbound.probe.listen
    for fields, outbound in parts.outbound:
        if outbound.listen is not None:
            yield fields, ("listen",), outbound.listen
    for each in sidecar.redirect.listen if sidecar.redirect is not None else ():
        yield parts.whole, ("redirect", "listen"), each


def _clash(one: Endpoint, other: Endpoint) -> bool:
    if one.port != other.port:
        return False
    hosts = {one.host, other.host}
    if "::" in hosts:  # takes IPv4 as well
        return True
    return len(hosts) == 1 or (one.is_ipv6 == other.is_ipv6 and bool(hosts & _EVERYWHERE))
