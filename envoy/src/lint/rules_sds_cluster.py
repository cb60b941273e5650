"""The cluster that secrets come through."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.canonical import canonical
from accredit.envoy.lint.edit import Remove, Set, Value
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TYPE = f"type.googleapis.com/{OPTIONS}"
_DEFAULT_REQUESTS = 1024
_ENOUGH = 4096


def options(cluster: Place) -> Place:
    """Return the cluster's HttpProtocolOptions."""
    return cluster.get("typed_extension_protocol_options", OPTIONS)


def _http2(cluster: Place) -> list[Place]:
    """Return where HTTP/2 may be asked for: in the options, or in the cluster as of old."""
    http = "http2_protocol_options"
    return [
        options(cluster).get("explicit_http_config", http),
        options(cluster).get("auto_config", http),
        cluster.get(http),
    ]


def _speaks_http2(cluster: Place) -> bool:
    explicit, _, old = _http2(cluster)
    auto = options(cluster).get("auto_config").node is not None
    return bool(explicit or old) or (auto and bool(cluster.get("transport_socket")))


def _http1(bootstrap: Bootstrap) -> Iterator[Found]:
    for cluster in bootstrap.sds_clusters:
        if not _speaks_http2(cluster):
            place = options(cluster).get("explicit_http_config")
            what = f"cluster {cluster.get('name').text[:100]!r} speaks HTTP/1: no secret ever comes"
            yield Found(place, what, _to_http2(cluster))


def _to_http2(cluster: Place) -> Set | None:
    there = options(cluster)
    config: dict[str, Value] = {"http2_protocol_options": {}}
    if not there:
        return Set(there, {"@type": TYPE, "explicit_http_config": config})
    if any(there.get(name).node for name in ("explicit_http_config", "auto_config")):
        return None
    if there.get("use_downstream_protocol_config").node:
        return None
    return Set(there.get("explicit_http_config"), config)


def _keepalive(bootstrap: Bootstrap) -> Iterator[Found]:
    for cluster in bootstrap.sds_clusters:
        for place in _http2(cluster):
            if pings := place.get("connection_keepalive"):
                what = "servers on grpc answer these pings with GOAWAY: too_many_pings"
                yield Found(pings, what, Remove(pings))


def _asked(bootstrap: Bootstrap) -> dict[str, int]:
    """Return how many streams the file's secrets make through each cluster."""
    asked: dict[str, set[tuple[str, str]]] = {}
    for source in bootstrap.sources:
        secret = (source.name, canonical(source.place))
        for cluster in source.clusters:
            asked.setdefault(cluster.text, set()).add(secret)
    return {name: len(secrets) for name, secrets in asked.items()}


def _breaker(bootstrap: Bootstrap) -> Iterator[Found]:
    secrets = _asked(bootstrap)
    for cluster in bootstrap.sds_clusters:
        thresholds = cluster.get("circuit_breakers", "thresholds").items()
        default = [t for t in thresholds if t.get("priority").enum("DEFAULT") in {"", "DEFAULT"}]
        limit = default[0].get("max_requests") if default else _unset(cluster)
        most = limit.number if limit.number is not None else _DEFAULT_REQUESTS
        if (asked := secrets.get(cluster.get("name").text, 0)) > most:
            edit = Set(limit, max(_ENOUGH, 2 * asked)) if default or not thresholds else None
            what = f"{asked} secrets are asked for, {most:g} at once get through"
            yield Found(limit, what, edit)


def _unset(cluster: Place) -> Place:
    found = cluster.get("circuit_breakers", "thresholds")
    return Place(None, (*found.path, 0, "max_requests"), found.line)


RULES = (
    error(
        "sds-cluster-http1",
        "an SDS cluster without explicit HTTP/2 is accepted and never brings a secret",
        "set explicit_http_config.http2_protocol_options: {}",
        _http1,
    ),
    warning(
        "sds-keepalive",
        "HTTP/2 keepalive pings make SDS servers on grpc hang up again and again",
        "take connection_keepalive away",
        _keepalive,
    ),
    error(
        "sds-circuit-breaker",
        "each secret is one request; those above max_requests, 1024 by default, wait in vain",
        "set circuit_breakers.thresholds.max_requests above the number of secrets",
        _breaker,
    ),
)
