"""Single words of nftables' language. Nothing that people wrote becomes a word of another kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from accredit.envoy.address import Endpoint
from accredit.envoy.redirect.targets import EVERYWHERE, Family, Network

WORD: Mapping[Family, str] = {4: "ip", 6: "ip6"}

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  read, not bound
_QUOTABLE = re.compile(r"[^\x00-\x1f\x7f\"]+")  # there are no escapes
_MAX_COMMENT = 100


def towards(family: Family, to: Sequence[Network]) -> str:
    """Match packets of a family to any of these networks."""
    if list(to) == [EVERYWHERE[family]]:
        return f"meta nfproto ipv{family}"
    return f"{WORD[family]} daddr {{ {', '.join(network(each) for each in to)} }}"


def network(of: Network) -> str:
    """Write one network, or the address that is all of it."""
    # From the number: the text of an IPv6 address may carry a zone of any characters.
    bare = type(of)((of.network_address.packed, of.prefixlen))
    return str(bare if bare.num_addresses > 1 else bare.network_address)


def at(listener: Endpoint) -> str:
    """Match packets to where somebody listens, but for the port."""
    family: Family = 6 if listener.is_ipv6 else 4
    if listener.host in _ANY:
        return f"meta nfproto ipv{family} fib daddr type local"
    return f"{WORD[family]} daddr {listener.host}"


def target(listener: Endpoint) -> str:
    """Write where to reach somebody who listens."""
    return str(Endpoint(_ANY.get(listener.host, listener.host), listener.port))


def quoted(path: str) -> str:
    """Write a path.

    Raises:
        ValueError: it holds what no string can.
    """
    if not _QUOTABLE.fullmatch(path):
        raise ValueError(f"{path[:64]!r} cannot be written in nftables' language")
    return f'"{path}"'


def plain(text: str) -> str:
    """Return what of a text may stand in a comment."""
    return re.sub(r"[^\w.@+-]", "?", text, flags=re.ASCII)[:_MAX_COMMENT]
