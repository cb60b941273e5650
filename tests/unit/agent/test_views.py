"""Entries and bundles as administrators see them."""

from __future__ import annotations

from support.ca import TestCa
from support.entries import entry, template

from accredit.agent.views import bundle_text, entry_view, instances_by_template, is_named
from accredit.identity.bundle import parse_bundle
from accredit.rotation.status import EntryStatus, RotationStatus


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
        "revoked": False,
    }


def test_a_bundle_is_shown_as_its_document() -> None:
    bundle = TestCa().bundle(sequence=7)
    text = bundle_text(bundle, "spiffe")
    assert parse_bundle(bundle.trust_domain, text.encode()).bundle == bundle


def test_or_as_its_roots() -> None:
    bundle = TestCa().bundle()
    assert bundle_text(bundle, "pem").encode() == bundle.x509_pem


def _status(*instances: tuple[str, str]) -> RotationStatus:
    held = (
        EntryStatus("e", spiffe_id, None, None, None, True, 0, 0, "", template_id)
        for template_id, spiffe_id in instances
    )
    return RotationStatus(0, 0, 0, tuple(held))


def test_a_template_is_found_by_the_instances_it_has() -> None:
    users = template("/u/{unix:user}")
    made = f"{users.id.trust_domain.id}/u/ana"
    found = instances_by_template(_status((users.entry_id, made), ("", "spiffe://x/y")))
    assert found == {users.entry_id: [made]}
    names = ("/u/ana", made, users.entry_id, users.shown_id, users.path)
    assert all(is_named(name, users, [made]) for name in names)
    assert not any(is_named(name, users, [made]) for name in ("/u/bob", "ana", "", "/"))


def test_a_template_is_shown_with_its_references() -> None:
    view = entry_view(template("/u/{unix:user}"))
    assert (view["id"], view["selectors"]) == ("spiffe://prod.example/u/{unix:user}", [])
    assert view["trust"] == {"weakest": "root-owned", "strongest": "root-owned"}
