"""How secrets are asked for: sources that are slow, silent, doubled, or lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap, Source
from accredit.envoy.lint.canonical import canonical
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning

API_TYPES = ("UNAVAILABLE", "REST", "GRPC", "DELTA_GRPC", "", "AGGREGATED_GRPC")
_VERSIONS = ("AUTO", "V2", "V3")
_BACK_OFF = {"base_interval": "0.1s", "max_interval": "1s"}


def _distinct(bootstrap: Bootstrap) -> Iterator[Source]:
    """Yield each source that is written out; what aliases repeat is told once."""
    seen: set[int] = set()
    for source in bootstrap.sources:
        assert source.place.node is not None  # noqa: S101  found in the text
        parts = id(source.place.node.children)
        if parts not in seen:
            seen.add(parts)
            yield source


def _asks_grpc(source: Source) -> bool:
    return source.api.get("api_type").enum(*API_TYPES) in {"GRPC", "DELTA_GRPC"}


def _node(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        flag = source.api.get("set_node_on_first_message_only")
        if _asks_grpc(source) and not flag.is_true:
            what = "every acknowledgement repeats the whole node, about 61 KB"
            yield Found(flag, what, Set(flag, value=True))


def _back_off(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        for service in source.services:
            grpc = service.get("envoy_grpc")
            place = grpc.get("retry_policy", "retry_back_off")
            if grpc and not place:
                what = "after an outage, secrets come back up to 30 s late, each at its own time"
                yield Found(place, what, Set(place, dict(_BACK_OFF)))


def _turns_ready(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        timeout = source.place.get("initial_fetch_timeout")
        is_remote = source.api or source.place.get("ads").node is not None
        if is_remote and timeout.seconds != 0:
            after = f"{15 if timeout.seconds is None else timeout.seconds:g} s"
            what = (
                f"without its secret, Envoy turns ready after {after} and resets every connection"
            )
            yield Found(timeout, what, Set(timeout, "0s"))


def _differ(bootstrap: Bootstrap) -> Iterator[Found]:
    first: dict[tuple[str, ...], tuple[str, Source]] = {}
    for source in _distinct(bootstrap):
        clusters = tuple(name.text for name in source.clusters)
        text = canonical(source.place)
        known, model = first.setdefault(clusters, (text, source))
        if clusters and text != known:
            what = f"differs from the source in line {model.place.line}: a subscription of its own"
            yield Found(source.place, what)


def _ads(bootstrap: Bootstrap) -> Iterator[Found]:
    clusters = bootstrap.root.get("static_resources", "clusters").path
    for source in bootstrap.sources:
        ads = source.place.get("ads")
        if ads.node is not None and source.place.path[: len(clusters)] == clusters:
            yield Found(ads, "Envoy 1.40 crashes at start on a static cluster with secrets by ADS")


def _missing(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        for name in source.clusters:
            if name.text not in bootstrap.clusters:
                what = f"there is no static cluster {name.text[:100]!r}: no secret ever comes"
                yield Found(name, what)


def _api_type(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        said = source.api.get("api_type")
        if source.api and said.enum(*API_TYPES) not in {"GRPC", "DELTA_GRPC"}:
            edit = Set(said, "GRPC") if source.services else None
            yield Found(said, "secrets are asked for by gRPC, which this is not", edit)


def _api_version(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        wanted = [source.place.get("resource_api_version")]
        wanted += [source.api.get("transport_api_version")] if source.api else []
        for said in wanted:
            if said.enum(*_VERSIONS) != "V3":
                what = f"is {said.enum(*_VERSIONS) or 'not said'}; only V3 is spoken"
                yield Found(said, what, Set(said, "V3"))


def _google(bootstrap: Bootstrap) -> Iterator[Found]:
    for source in _distinct(bootstrap):
        for service in source.services:
            if google := service.get("google_grpc"):
                yield Found(google, "reconnects at its own pace: retry_policy is not heard")


def _sdses(bootstrap: Bootstrap) -> bool:
    return any(source.api for source in bootstrap.sources)


def _nameless(bootstrap: Bootstrap) -> Iterator[Found]:
    node: Place = bootstrap.root.get("node")
    for name in ("id", "cluster"):
        if _sdses(bootstrap) and not node.get(name):
            yield Found(node.get(name), "Envoy asks for no secret without a node id and cluster")


RULES = (
    warning(
        "sds-node-repeated",
        "by default each request of a stream carries the whole node, about 61 KB",
        "set set_node_on_first_message_only: true",
        _node,
    ),
    warning(
        "sds-back-off",
        "by default each secret reconnects with up to 30 s between tries",
        "set envoy_grpc.retry_policy.retry_back_off, such as 0.1s to 1s",
        _back_off,
    ),
    error(
        "sds-turns-ready",
        "initial_fetch_timeout, 15 s by default, ends in a ready Envoy that resets everything",
        "set initial_fetch_timeout: 0s",
        _turns_ready,
    ),
    warning(
        "sds-sources-differ",
        "sources that differ in one byte are subscriptions of their own, "
        "and may leave a listener without its certificate",
        "write the same source everywhere",
        _differ,
    ),
    error(
        "ads-in-static-cluster",
        "secrets by ADS in a static cluster crash Envoy 1.40, in validate mode too",
        "use an api_config_source",
        _ads,
    ),
    error(
        "sds-cluster-missing",
        "a source that names no static cluster is accepted, and waits for ever",
        "name a cluster of static_resources.clusters",
        _missing,
    ),
    error(
        "sds-api-type",
        "api_type REST polls a URL; SDS servers speak gRPC",
        "set api_type: GRPC",
        _api_type,
    ),
    warning(
        "sds-api-version",
        "V2 is refused or deprecated, and what is not said was V2 in older Envoys",
        "set resource_api_version and transport_api_version: V3",
        _api_version,
    ),
    warning(
        "sds-google-grpc",
        "google_grpc ignores retry_policy, and crashes validate mode in Envoy 1.40",
        "use envoy_grpc with a static cluster",
        _google,
    ),
    warning(
        "node-nameless",
        "without node.id and node.cluster Envoy refuses to ask for secrets",
        "set them, or start Envoy with --service-node and --service-cluster",
        _nameless,
    ),
)
