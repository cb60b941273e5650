from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client.core import Metric
from support.ca import TestCa

from accredit.agent.metrics.identities import of_bundles, of_federation, of_rotation, of_signers
from accredit.rotation.status import EntryStatus, RotationStatus, TokenStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def samples(*metrics: Metric) -> dict[tuple[str, ...], float]:
    """Return each value by the name of its sample and its labels."""
    return {
        (sample.name.removeprefix("accredit_"), *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def entry(
    name: str, ends: datetime | None, failures: int = 0, *, watched: bool = True
) -> EntryStatus:
    path = f"spiffe://prod.example/{name}"
    return EntryStatus(name, path, "ab", ends, NOW, watched, 1, failures, "no room")


def test_svids_are_counted_all_together_and_none_is_named() -> None:
    token = TokenStatus("spiffe://prod.example/a", "db", NOW, NOW, 1, 1, 3, "no room")
    entries = (
        entry("a", NOW + HOUR),
        entry("b", NOW + 2 * HOUR, failures=4),
        entry("c", NOW - HOUR, watched=False),
        entry("d", None, failures=1),
    )
    found = list(of_rotation(RotationStatus(3, 17, 5, entries, (token,)), NOW))
    assert samples(*found) == {
        ("x509_svids",): 3,
        ("x509_svids_watched",): 2,
        ("x509_svids_expired",): 1,
        ("x509_svids_failing",): 2,
        ("x509_svid_soonest_expiry_timestamp_seconds",): (NOW + HOUR).timestamp(),
        ("x509_svids_signed_total",): 17,
        ("x509_svid_failures_total",): 5,
        ("jwt_svids_followed",): 1,
        ("jwt_svids_failing",): 1,
    }
    nothing = samples(*of_rotation(RotationStatus(0, 0, 0, ()), NOW))
    assert ("x509_svid_soonest_expiry_timestamp_seconds",) not in nothing


def test_the_key_that_signs_is_the_one_whose_end_counts() -> None:
    def signer(state: str, ends: datetime) -> dict[str, str]:
        return {"state": state, "not_after": ends.isoformat()}

    roots = [signer("old", NOW), signer("active", NOW + HOUR), signer("prepared", NOW + 9 * HOUR)]
    keys = [signer("active", NOW + 2 * HOUR), signer("old", NOW), signer("old", NOW)]
    assert samples(*of_signers({"roots": roots, "jwt_keys": keys})) == {
        ("ca_keys", "x509", "old"): 1,
        ("ca_keys", "x509", "active"): 1,
        ("ca_keys", "x509", "prepared"): 1,
        ("ca_keys", "jwt", "active"): 1,
        ("ca_keys", "jwt", "old"): 2,
        ("ca_expiry_timestamp_seconds", "x509"): (NOW + HOUR).timestamp(),
        ("ca_expiry_timestamp_seconds", "jwt"): (NOW + 2 * HOUR).timestamp(),
    }


def test_a_bundle_ends_with_its_last_authority_and_an_empty_one_has_no_end() -> None:
    own, partner = TestCa(), TestCa("partner.example")
    bundle, empty = own.bundle(), partner.bundle()
    object.__setattr__(empty, "x509_authorities", ())
    found = {bundle.trust_domain: bundle, empty.trust_domain: empty}
    td = str(own.trust_domain)
    assert samples(*of_bundles(found)) == {
        ("bundle_x509_authorities", td): 1,
        ("bundle_x509_authorities", "partner.example"): 0,
        ("bundle_expiry_timestamp_seconds", td): own.root.not_valid_after_utc.timestamp(),
    }


def test_fetches_are_counted_by_partner() -> None:
    views = [
        {"trust_domain": "a", "fetches": 7, "failed_fetches": 2, "succeeded": NOW.isoformat()},
        {"trust_domain": "b", "fetches": 1, "failed_fetches": 1, "succeeded": None},
    ]
    assert samples(*of_federation(views)) == {
        ("federation_fetches_total", "a"): 7,
        ("federation_fetches_total", "b"): 1,
        ("federation_fetch_failures_total", "a"): 2,
        ("federation_fetch_failures_total", "b"): 1,
        ("federation_fetched_timestamp_seconds", "a"): NOW.timestamp(),
    }
