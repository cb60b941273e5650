"""Metrics of what is signed and trusted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client.core import Metric

from accredit.agent.metrics.family import counter, counters, gauge, gauges, times
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.status import RotationStatus

_KINDS = {"roots": "x509", "jwt_keys": "jwt"}


def of_rotation(status: RotationStatus, now: datetime) -> Iterator[Metric]:
    """Yield what is known of SVIDs; of all together, since there may be thousands."""
    ends = [each.not_after for each in status.entries if each.not_after is not None]
    watched = [each.not_after for each in status.entries if each.watched and each.not_after]
    failing = sum(each.failures > 0 for each in status.entries)
    yield gauge("x509_svids", "X.509-SVIDs held.", len(ends))
    yield gauge("x509_svids_watched", "Those that somebody follows.", len(watched))
    expired = sum(end <= now for end in ends)
    yield gauge("x509_svids_expired", "Those that have expired and were not renewed.", expired)
    yield gauge("x509_svids_failing", "Entries whose last try to sign failed.", failing)
    if watched:
        text = "When the first X.509-SVID that somebody follows ends."
        soonest = min(watched).timestamp()
        yield gauge("x509_svid_soonest_expiry_timestamp_seconds", text, soonest)
    signed = status.rotations
    yield counter("x509_svids_signed", "X.509-SVIDs signed.", signed)
    yield counter("x509_svid_failures", "Tries to sign one that failed.", status.failures)
    failing = sum(each.failures > 0 for each in status.tokens)
    yield gauge("jwt_svids_followed", "JWT-SVIDs kept fresh for somebody.", len(status.tokens))
    yield gauge("jwt_svids_failing", "Those whose last try to sign failed.", failing)


def of_signers(described: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the authority's own keys, by kind and state."""
    states = Counter((_KINDS[key], str(each["state"])) for key in _KINDS for each in described[key])
    yield gauges("ca_keys", "Keys of the own authority.", ("kind", "state"), states.items())
    ends = {
        _KINDS[key]: datetime.fromisoformat(each["not_after"])
        for key in _KINDS
        for each in described[key]
        if each["state"] == "active"
    }
    yield times("ca_expiry", "When the key that signs now ends.", "kind", ends)


def of_bundles(bundles: Mapping[TrustDomain, TrustBundle]) -> Iterator[Metric]:
    """Yield each bundle, the own one too; there are as many as the configuration names."""
    roots = {str(td): bundle.x509_authorities for td, bundle in bundles.items()}
    counts = [(td, len(each)) for td, each in roots.items()]
    yield gauges("bundle_x509_authorities", "X.509 authorities held.", ("trust_domain",), counts)
    ends = {
        td: max((root.not_valid_after_utc for root in each), default=None)
        for td, each in roots.items()
    }
    text = "When the last X.509 authority of a bundle ends."
    yield times("bundle_expiry", text, "trust_domain", ends)


def of_federation(views: Sequence[Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield how fetching from each partner goes."""
    label = ("trust_domain",)
    tries = [(str(each["trust_domain"]), int(each["fetches"])) for each in views]
    failed = [(str(each["trust_domain"]), int(each["failed_fetches"])) for each in views]
    last = {
        str(each["trust_domain"]): datetime.fromisoformat(each["succeeded"])
        for each in views
        if each["succeeded"]
    }
    yield counters("federation_fetches", "Fetches of a partner's bundle.", label, tries)
    yield counters("federation_fetch_failures", "Those that failed.", label, failed)
    yield times("federation_fetched", "When one last succeeded.", "trust_domain", last)
