"""TLS as Envoy defaults it: sessions that outlive identities, and versions that never meet."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap, Chain
from accredit.envoy.lint.edit import Rename, Set
from accredit.envoy.lint.place import Place, messages
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import TLS_13, Tls

STATELESS = "disable_stateless_session_resumption"
STATEFUL = "disable_stateful_session_resumption"
_TICKET_KEYS = ("session_ticket_keys", "session_ticket_keys_sds_secret_config")


def _ticket_keys(tls: Tls) -> Place | None:
    return next((tls.place.get(name) for name in _TICKET_KEYS if tls.place.get(name)), None)


def resumes(tls: Tls) -> list[Place]:
    """Return where a downstream context leaves resumption on."""
    flags = [tls.place.get(name) for name in (STATELESS, STATEFUL)]
    return [flag for flag in flags if not flag.is_true]


def _mutual(bootstrap: Bootstrap) -> Iterator[Chain]:
    return (chain for chain in bootstrap.chains if chain.tls and chain.tls.wants_validation)


def _resumption(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in _mutual(bootstrap):
        for flag in resumes(chain.tls):
            if flag.path[-1] == STATEFUL or _ticket_keys(chain.tls) is None:
                what = "a resumed session is served without a look at the client's certificate"
                yield Found(flag, what, Set(flag, value=True))


def _tickets(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in _mutual(bootstrap):
        if keys := _ticket_keys(chain.tls):
            what = "tickets are honoured for as long as these keys stay, whatever SVIDs do"
            yield Found(keys, what, Rename(keys, STATELESS, value=True))


def _upstream_resumption(bootstrap: Bootstrap) -> Iterator[Found]:
    for upstream in bootstrap.upstreams:
        keys = upstream.tls.place.get("max_session_keys")
        if upstream.tls.wants_validation and keys.number != 0:
            what = "a session is resumed without a look at the server's certificate"
            yield Found(keys, what, Set(keys, 0))


def _on_demand(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        selector = chain.tls.common.get("custom_tls_certificate_selector")
        if any(True for _ in messages(selector, "on_demand_secret.v3.Config")):
            for flag in resumes(chain.tls):
                what = "Envoy refuses to select certificates on demand and resume sessions"
                yield Found(flag, what, Set(flag, value=True))


def _maximum(tls: Tls) -> Place:
    return tls.common.get("tls_params", "tls_maximum_protocol_version")


def _range(bootstrap: Bootstrap) -> Iterator[Found]:
    sides = [(chain.tls, "TLSv1_3") for chain in bootstrap.chains if chain.tls]
    sides += [(upstream.tls, "TLSv1_2") for upstream in bootstrap.upstreams]
    for tls, default in sides:
        least, most = tls.version("minimum", "TLSv1_2"), tls.version("maximum", default)
        if least > most:
            place = _maximum(tls)
            what = f"TLS 1.{least - 1} at least and 1.{most - 1} at most: no handshake succeeds"
            yield Found(place, what, Set(place, "TLSv1_3"))


def _inbound_13(bootstrap: Bootstrap) -> bool:
    return any(c.tls and c.tls.version("minimum", "TLSv1_2") == TLS_13 for c in bootstrap.chains)


def _old(bootstrap: Bootstrap) -> Iterator[Found]:
    """Yield upstreams that stop short of TLS 1.3, but for those whose range is empty anyway."""
    for upstream in bootstrap.upstreams:
        least = upstream.tls.version("minimum", "TLSv1_2")
        most = upstream.tls.version("maximum", "TLSv1_2")
        if least <= most < TLS_13:
            place = _maximum(upstream.tls)
            yield Found(place, f"TLS 1.{most - 1} at most", Set(place, "TLSv1_3"))


def _below_inbound(bootstrap: Bootstrap) -> Iterator[Found]:
    if _inbound_13(bootstrap):
        for found in _old(bootstrap):
            what = f"{found.what}, while this file's own listener demands 1.3"
            yield Found(found.place, what, found.edit)


def _upstream_12(bootstrap: Bootstrap) -> Iterator[Found]:
    if not _inbound_13(bootstrap):
        for found in _old(bootstrap):
            what = f"{found.what}; a server that demands 1.3 cannot be reached"
            yield Found(found.place, what, found.edit)


RULES = (
    error(
        "session-resumption",
        "a resumed TLS session skips the check of the client's SVID, even of one that has ended",
        f"set {STATELESS} and {STATEFUL}: true",
        _resumption,
    ),
    error(
        "session-ticket-keys",
        "session ticket keys let clients resume for longer than their SVIDs live",
        f"set {STATELESS}: true instead",
        _tickets,
    ),
    error(
        "upstream-resumption",
        "an upstream resumes sessions without checking the server's SVID again",
        "set max_session_keys: 0",
        _upstream_resumption,
    ),
    error(
        "on-demand-resumption",
        "certificates on demand do not load unless resumption is off",
        f"set {STATELESS} and {STATEFUL}: true",
        _on_demand,
    ),
    error(
        "tls-range",
        "a minimum TLS version above the maximum, which is 1.2 for upstreams, is accepted "
        "and never connects",
        "set tls_maximum_protocol_version: TLSv1_3",
        _range,
    ),
    error(
        "upstream-below-inbound",
        "upstreams end at TLS 1.2 by default and cannot reach a listener that demands 1.3",
        "set tls_maximum_protocol_version: TLSv1_3",
        _below_inbound,
    ),
    warning(
        "upstream-tls12",
        "upstreams end at TLS 1.2 by default",
        "set tls_maximum_protocol_version: TLSv1_3",
        _upstream_12,
    ),
)
