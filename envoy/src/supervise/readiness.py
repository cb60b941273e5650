"""Whether an Envoy truly serves: what it has, compared with what its bootstrap promises. Pure.

LIVE is not enough. An Envoy whose secret was refused, or whose SDS server said that there will
never be one, is LIVE and resets every connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accredit.envoy.supervise.expected import Expected, Listening

_LIVE, _DRAINING = 0, 1


@dataclass(frozen=True, slots=True)
class Observed:
    """What one Envoy says of itself, and the kernel of its sockets.

    ``ends`` is when each certificate in use ends, ``connected`` the clusters with a connection,
    ``asked`` those with a request or stream under way, ``fetched`` how often JWT keys have come.
    """

    epoch: int = -1
    live: bool = False
    secrets: frozenset[str] = frozenset()
    contexts: int = 0
    ends: tuple[datetime, ...] = ()
    connected: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    listening: frozenset[Listening] = frozenset()
    fetched: int = 0


def from_stats(answer: Any) -> Observed:
    """Return what the counters tell: all but secrets, TLS contexts and sockets."""
    stats = {each["name"]: each["value"] for each in _list(answer, "stats") if "value" in each}
    # Told to drain it is no longer LIVE, and still the one that serves.
    live = stats.get("server.state") in {_LIVE, _DRAINING}
    return Observed(
        epoch=int(stats.get("server.hot_restart_epoch", -1)),
        live=live and stats.get("listener_manager.workers_started") == 1,
        connected=_clusters(stats, ".upstream_cx_active"),
        asked=_clusters(stats, ".upstream_rq_active"),
        fetched=sum(int(n) for name, n in stats.items() if name.endswith(".jwks_fetch_success")),
    )


def from_secrets(answer: Any) -> frozenset[str]:
    """Return the names in ``/config_dump?resource=dynamic_active_secrets`` that have arrived."""
    return frozenset(str(each.get("name")) for each in _list(answer, "configs"))


def from_certificates(answer: Any) -> tuple[int, tuple[datetime, ...]]:
    """Return from ``/certs`` how many TLS contexts have a certificate, and when each ends."""
    contexts = [each for each in _list(answer, "certificates") if each.get("cert_chain")]
    ends = [leaf.get("expiration_time") for each in contexts for leaf in each["cert_chain"]]
    return len(contexts), tuple(datetime.fromisoformat(end) for end in ends if end)


def missing(expected: Expected, observed: Observed, now: datetime) -> Iterator[str]:
    """Yield each thing without which it does not serve, for people; the cause before the effect."""
    if observed.epoch < 0:
        yield f"waiting for Envoy's admin interface at {_shown(expected)}"
        return
    yield from _secrets(expected, observed)
    if not observed.live:
        if observed.fetched < expected.fetches and expected.secrets.keys() <= observed.secrets:
            places = ", ".join(sorted(expected.keys))
            yield f"waiting for JWT keys from {places}: not served there, or not to this sidecar"
        yield "Envoy is initializing"
        return
    if observed.contexts < expected.contexts and expected.secrets.keys() <= observed.secrets:
        yield (
            f"only {observed.contexts} of {expected.contexts} TLS contexts could be made of the "
            f"secrets; see {'' if expected.spire else 'accredit status, and '}Envoy's log above"
        )
    if any(end <= now for end in observed.ends):
        yield "a certificate has expired: is the clock right, does the agent renew it?"
    for place in sorted(expected.listening - observed.listening, key=str):
        yield f"nothing listens on {place}"


def _secrets(expected: Expected, observed: Observed) -> Iterator[str]:
    for name, cluster in sorted(expected.secrets.items()):
        if name not in observed.secrets:
            place = expected.clusters.get(cluster, "no address")
            why = _why_not(cluster, observed, spire=expected.spire)
            yield f"waiting for secret {name} from the agent at {place}: {why}"


def _why_not(cluster: str, observed: Observed, *, spire: bool) -> str:
    if cluster not in observed.connected:
        return f"no connection; is {'the SPIRE Agent' if spire else 'accredit'} running?"
    if spire:
        return "no entry gives it to this Envoy (yet); see spire-server entry show"
    if cluster not in observed.asked:  # accredit's keeps the stream and is silent
        return "refused, see Envoy's log above; a SPIRE Agent needs --profile spire"
    return "not granted yet; see accredit entry explain"


def _clusters(stats: Mapping[str, Any], counter: str) -> frozenset[str]:
    """Return the clusters of which a counter is not zero."""
    return frozenset(
        name.removeprefix("cluster.").removesuffix(counter)
        for name, value in stats.items()
        if name.endswith(counter) and value
    )


def _shown(expected: Expected) -> str:
    if isinstance(expected.admin, str):
        return f"unix:{expected.admin}"
    host, port = expected.admin
    return f"{host}:{port}"


def _list(answer: Any, key: str) -> list[dict[str, Any]]:
    found = answer.get(key) if isinstance(answer, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
