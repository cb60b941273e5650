"""Entries and bundles as administrators see them."""

from __future__ import annotations

from support.ca import TestCa
from support.entries import entry

from accredit.agent.views import bundle_text, entry_view
from accredit.identity.bundle import parse_bundle


def test_an_entry_is_shown_in_the_words_of_its_file() -> None:
    view = entry_view(
        entry(
            "/web",
            "unix:user:web",
            "unix:gid:7",
            federates_with=("partner.example",),
            hint="internal",
            default=True,
            dns_names=("web.internal",),
        )
    )
    assert view.pop("entry_id")
    assert view == {
        "id": "spiffe://prod.example/web",
        "selectors": ["unix:gid:7", "unix:user:web"],
        "ttl": "1h",
        "jwt_ttl": "5m",
        "federates_with": ["partner.example"],
        "hint": "internal",
        "default": True,
        "dns_names": ["web.internal"],
        "trust": {"weakest": "root-owned", "strongest": "kernel"},
        "source": "",
    }


def test_a_bundle_is_shown_as_its_document() -> None:
    bundle = TestCa().bundle(sequence=7)
    text = bundle_text(bundle, "spiffe")
    assert parse_bundle(bundle.trust_domain, text.encode()).bundle == bundle


def test_or_as_its_roots() -> None:
    bundle = TestCa().bundle()
    assert bundle_text(bundle, "pem").encode() == bundle.x509_pem
