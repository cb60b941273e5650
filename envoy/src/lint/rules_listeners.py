"""Listeners that let people past mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.addresses import is_exposed
from accredit.envoy.lint.bootstrap import Bootstrap, Chain
from accredit.envoy.lint.place import Place, walk
from accredit.envoy.lint.rule import Found, error, warning
from accredit.identity.yaml_tree import Key


def _forwards(chain: Chain, lent: set[str]) -> bool:
    """Whether strangers get anywhere: but for exact paths of what lends them no identity."""
    return bool(chain.proxies) or any(
        here.has("rds") or (here.has("route") and not _is_probe(here, lent))
        for manager in chain.managers
        for here in walk(manager)
    )


def _is_probe(route: Place, lent: set[str]) -> bool:
    return bool(route.get("match", "path")) and route.get("route", "cluster").text not in lent


def _mutual(bootstrap: Bootstrap) -> set[Key]:
    """Return the listeners where some chain asks for certificates."""
    return {chain.listener.path for chain in bootstrap.chains if chain.is_mutual}


def _permissive(bootstrap: Bootstrap) -> Iterator[Found]:
    mutual = _mutual(bootstrap)
    for chain in bootstrap.chains:
        if chain.is_plain and chain.listener.path in mutual:
            what = "plain text is accepted beside mutual TLS (permissive mode)"
            yield Found(chain.place, what)


def _plain(bootstrap: Bootstrap) -> Iterator[Found]:
    mutual = _mutual(bootstrap)
    lent = {each.cluster.get("name").text for each in bootstrap.upstreams}
    for chain in bootstrap.chains if bootstrap.has_identity else ():
        if not chain.is_plain or chain.listener.path in mutual:
            continue
        if is_exposed(chain.listener) and _forwards(chain, lent):
            what = "others than this machine's programs get through here without a certificate"
            yield Found(chain.place, what)


RULES = (
    warning(
        "permissive-listener",
        "one chain with mutual TLS and one without serve whoever leaves TLS out",
        "take the chain without TLS away once every caller speaks TLS",
        _permissive,
    ),
    error(
        "plaintext-listener",
        "a listener without TLS, open to the network, serves strangers or lends them an identity",
        "listen on 127.0.0.1, or add a transport_socket with mutual TLS",
        _plain,
    ),
)
