"""The nftables rules that steer an app's connections into its sidecar, as text for ``nft -f``.

Only connections that begin are looked at; UDP, loopback (unless it is asked for by a network of its
own), and the connections of everybody else stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from accredit.envoy.address import Destination
from accredit.envoy.redirect import notation, targets
from accredit.envoy.redirect.programs import Programs
from accredit.envoy.redirect.targets import FAMILIES, LOOPBACK
from accredit.envoy.sidecar import Redirect, Sidecar

# Of the priorities that anybody may give a socket (socket(7), SO_PRIORITY), one that no type of
# service of a program's own leads to.
OWN_PRIORITY = 5

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_NAT = "type nat hook output priority -100; policy accept;"
_FILTER = "type filter hook output priority 0; policy accept;"
# A connection that begins, and not the answer to somebody else's.
_BEGINS = "tcp flags & (fin | syn | rst | ack) == syn"


def table(sidecar: Sidecar) -> str:
    """Return the name of the sidecar's table.

    Raises:
        ValueError: the sidecar's name is none that a sidecar file may give it.
    """
    if not _NAME.fullmatch(sidecar.name):
        raise ValueError(f"{sidecar.name[:64]!r} cannot be part of a table's name")
    return f"accredit_{sidecar.name}"


def removal(sidecar: Sidecar) -> str:
    """Return what removes the table, whether it is there or not."""
    # "destroy" would say it in one, but for older versions of nft.
    return f"table inet {table(sidecar)}\ndelete table inet {table(sidecar)}\n"


def ruleset(sidecar: Sidecar, redirect: Redirect, programs: Programs) -> str:
    """Return what puts the table in place of an earlier one, in one transaction.

    Raises:
        ValueError: a name or path is none that a sidecar file may have.
    """
    destinations = targets.intercepted(sidecar)
    refused = [*_refuse(sidecar, redirect, destinations)]
    chains: dict[str, Iterable[str]] = {
        "intercept": _intercept(redirect, destinations),
        "connect": [_NAT, *_matches(programs, "meta l4proto tcp", "intercept")],
    }
    if refused:
        chains["refuse"] = [*_spare_loopback("accept"), *refused]
        chains["check"] = [_FILTER, *_matches(programs, _BEGINS, "refuse")]
    body = "\n\n".join(_chain(*each) for each in chains.items())
    return f"{removal(sidecar)}\ntable inet {table(sidecar)} {{\n{body}\n}}\n"


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"\tchain {name} {{", *(f"\t\t{line}" for line in lines), "\t}"])


def _matches(programs: Programs, what: str, chain: str) -> Iterator[str]:
    for user in programs.users:
        yield f'meta skuid {user.uid} {what} goto {chain} comment "{notation.plain(user.name)}"'
    for cgroup in programs.cgroups:
        path = notation.quoted(cgroup.nft_path)
        yield f"socket cgroupv2 level {cgroup.level} {path} {what} goto {chain}"


def _spare_loopback(verdict: str) -> Iterator[str]:
    for family in FAMILIES:
        yield f"{notation.WORD[family]} daddr {notation.network(LOOPBACK[family])} {verdict}"


def _intercept(redirect: Redirect, destinations: Sequence[Destination]) -> Iterator[str]:
    asked = [each for each in destinations if _is_local(each)]
    others = [each for each in destinations if not _is_local(each)]
    yield f'meta priority 0:{OWN_PRIORITY:x} return comment "the sidecar itself"'
    yield from _redirect(redirect, asked)
    yield from _spare_loopback("return")
    yield from _redirect(redirect, others)


def _is_local(destination: Destination) -> bool:
    return destination.network is not None and targets.is_loopback(destination.network)


def _redirect(redirect: Redirect, destinations: Iterable[Destination]) -> Iterator[str]:
    for port, group in targets.by_port(destinations).items():
        for family in FAMILIES:
            listener = targets.listener(redirect, family)
            to = targets.united(group, family)
            if to and listener:
                meant = f"{notation.towards(family, to)} tcp dport {port}"
                yield f"{meant} dnat {notation.WORD[family]} to {notation.target(listener)}"


def _refuse(
    sidecar: Sidecar, redirect: Redirect, destinations: Iterable[Destination]
) -> Iterator[str]:
    if redirect.refuse:
        return _refuse_all(sidecar, redirect)
    return _refuse_missed(redirect, destinations)


def _refuse_all(sidecar: Sidecar, redirect: Redirect) -> Iterator[str]:
    own = [outbound.listen for outbound in sidecar.outbound if outbound.listen]
    for each in [*redirect.listen, *own]:
        if not ip_address(each.host).is_loopback:
            yield f"{notation.at(each)} tcp dport {each.port} accept"
    yield "reject with tcp reset"


def _refuse_missed(redirect: Redirect, destinations: Iterable[Destination]) -> Iterator[str]:
    # A name may have addresses of both families: what the sidecar cannot take must not go past it.
    for family in FAMILIES:
        if targets.listener(redirect, family) is None:
            for port, group in targets.by_port(destinations).items():
                if to := targets.united(group, family):
                    yield f"{notation.towards(family, to)} tcp dport {port} reject with tcp reset"
