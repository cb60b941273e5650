"""What the app is told about its callers, and for how long connections keep an identity."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from accredit.envoy.lint.addresses import is_exposed
from accredit.envoy.lint.bootstrap import Bootstrap, Chain
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.rules_sds_cluster import TYPE, options

_XFCC = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
_PASSING = frozenset({"FORWARD_ONLY", "APPEND_FORWARD", "ALWAYS_FORWARD_ONLY"})
_UNDERSCORES = ("ALLOW", "REJECT_REQUEST", "DROP_HEADER")
_LIFETIME = "1800s"
_OLD = ("common_http_protocol_options", "http2_protocol_options", "http_protocol_options")
_VARIANTS = {"x{}forwarded{}client{}cert".format(*marks) for marks in product("-_", repeat=3)} - {
    "x-forwarded-client-cert"
}


def _managers(bootstrap: Bootstrap) -> Iterator[tuple[Chain, Place, str]]:
    """Yield each HttpConnectionManager that strangers reach, and what it does with XFCC."""
    for chain in bootstrap.chains:
        if chain.is_mutual or is_exposed(chain.listener):
            for manager in chain.managers:
                said = manager.get("forward_client_cert_details").enum(*_XFCC)
                yield chain, manager, said or "SANITIZE"


def _passed_on(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, manager, said in _managers(bootstrap):
        if said in _PASSING:
            place = manager.get("forward_client_cert_details")
            what = f"{said} hands the app what a caller claims in x-forwarded-client-cert"
            yield Found(place, what, Set(place, "SANITIZE_SET"))


def _without_uri(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain, manager, said in _managers(bootstrap):
        place = manager.get("set_current_client_cert_details", "uri")
        if chain.is_mutual and said in {"SANITIZE_SET", "APPEND_FORWARD"} and not place.is_true:
            what = "the app is told the hash of the caller's certificate, not its SPIFFE ID"
            yield Found(place, what, Set(place, value=True))


def _underscores(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, manager, said in _managers(bootstrap):
        place = manager.get("common_http_protocol_options", "headers_with_underscores_action")
        allowed = place.enum(*_UNDERSCORES) in {"", "ALLOW"}
        if said != "SANITIZE" and allowed and not _removed(manager) >= _VARIANTS:
            what = (
                "x_forwarded_client_cert reaches the app, and WSGI and CGI take it for the header"
            )
            yield Found(place, what, Set(place, "DROP_HEADER"))


def _removed(manager: Place) -> set[str]:
    """Return the request headers that are taken away for every route."""
    names = manager.get("route_config", "request_headers_to_remove").items()
    return {name.text.lower() for name in names}


def _is_endless(place: Place) -> bool:
    return not place.seconds


def _downstream_life(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        places = [
            manager.get("common_http_protocol_options", "max_connection_duration")
            for manager in chain.managers
        ]
        places += [proxy.get("max_downstream_connection_duration") for proxy in chain.proxies]
        for place in places:
            if chain.is_mutual and _is_endless(place):
                what = "a caller whose SVID has ended stays, as long as its connection lives"
                yield Found(place, what, Set(place, _LIFETIME))


def _upstream_life(bootstrap: Bootstrap) -> Iterator[Found]:
    by_proxy = _proxied(bootstrap)
    secret = {cluster.path for cluster in bootstrap.sds_clusters}
    clusters = {u.cluster.path: u.cluster for u in bootstrap.upstreams if u.tls.wants_validation}
    for path, cluster in clusters.items():
        proxies = by_proxy.get(cluster.get("name").text, [])
        if proxies:
            places = [proxy.get("max_downstream_connection_duration") for proxy in proxies]
            yield from (
                _outlives(place, Set(place, _LIFETIME)) for place in places if _is_endless(place)
            )
        elif path not in secret and all(_is_endless(place) for place in _lives(cluster)):
            yield _outlives(_lives(cluster)[0], _bounded(cluster))


def _outlives(place: Place, edit: Set) -> Found:
    return Found(place, "a server whose SVID has ended keeps its open connections", edit)


def _proxied(bootstrap: Bootstrap) -> dict[str, list[Place]]:
    """Return the TCP proxies to each cluster; those of mutual-TLS listeners are told elsewhere."""
    found: dict[str, list[Place]] = {}
    for chain in bootstrap.chains:
        for proxy in () if chain.is_mutual else chain.proxies:
            weighted = proxy.get("weighted_clusters", "clusters").items()
            names = [proxy.get("cluster"), *(each.get("name") for each in weighted)]
            for name in names:
                found.setdefault(name.text, []).append(proxy)
    return found


def _lives(cluster: Place) -> tuple[Place, Place]:
    """Return where a cluster's connections may be bounded: in its options, or as of old."""
    field = ("common_http_protocol_options", "max_connection_duration")
    return options(cluster).get(*field), cluster.get(*field)


def _bounded(cluster: Place) -> Set:
    typed, old = _lives(cluster)
    if options(cluster):
        return Set(typed, _LIFETIME)
    if any(cluster.get(name).node for name in _OLD):
        return Set(old, _LIFETIME)
    return Set(
        options(cluster),
        {
            "@type": TYPE,
            "common_http_protocol_options": {"max_connection_duration": _LIFETIME},
            "explicit_http_config": {"http_protocol_options": {}},
        },
    )


RULES = (
    error(
        "xfcc-passed-on",
        "FORWARD_ONLY, APPEND_FORWARD and ALWAYS_FORWARD_ONLY pass on identities callers made up",
        "set forward_client_cert_details: SANITIZE_SET",
        _passed_on,
    ),
    warning(
        "xfcc-without-uri",
        "by default x-forwarded-client-cert holds no SPIFFE ID",
        "set set_current_client_cert_details: {uri: true}",
        _without_uri,
    ),
    error(
        "xfcc-underscores",
        "x_forwarded_client_cert is not sanitised, and WSGI and CGI apps read it as the header",
        "set headers_with_underscores_action: DROP_HEADER or REJECT_REQUEST",
        _underscores,
    ),
    warning(
        "downstream-lifetime",
        "connections have no end by default, and with them identities that were withdrawn",
        "set max_connection_duration, for TCP max_downstream_connection_duration, "
        "to half an SVID's life",
        _downstream_life,
    ),
    warning(
        "upstream-lifetime",
        "pooled connections keep the identities of both ends for as long as they live",
        "set max_connection_duration in the cluster's HttpProtocolOptions, "
        "for TCP max_downstream_connection_duration",
        _upstream_life,
    ),
)
