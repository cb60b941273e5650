"""What a file of entries says, and by which ID an entry is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.entry_text import DEFAULTS, OWN, one, parse

from accredit.authority.entry import Entry
from accredit.authority.entry_file import EntryReader, entry_id
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.yaml_lines import load

_FULL = """\
entries:
  - id: /ns/payments/sa/checkout
    selectors: ["unix:user:checkout", "unix:path:/usr/bin/checkout"]
    ttl: 20m
    jwt_ttl: 1m
    federates_with: [partner.example, spiffe://other.example]
    hint: internal
    default: true
    dns_names: [checkout.internal, "*.checkout.internal"]
  - id: spiffe://td.example/db
    selectors: ["unix:uid:70"]
"""


def test_an_entry_is_read_with_all_its_fields() -> None:
    checkout, _ = parse(_FULL)
    assert isinstance(checkout, Entry)
    assert str(checkout.spiffe_id) == "spiffe://td.example/ns/payments/sa/checkout"
    assert checkout.selectors == {
        Selector("unix", "user:checkout"),
        Selector("unix", "path:/usr/bin/checkout"),
    }
    assert checkout.x509_ttl == timedelta(minutes=20)
    assert checkout.jwt_ttl == timedelta(minutes=1)
    assert checkout.federates_with == (TrustDomain("partner.example"), TrustDomain("other.example"))
    assert checkout.hint == "internal"
    assert checkout.default
    assert checkout.dns_names == ("checkout.internal", "*.checkout.internal")
    assert checkout.source == "entries.yaml:2"


def test_an_entry_needs_no_more_than_an_id_and_selectors() -> None:
    _, db = parse(_FULL)
    assert db.shown_id == "spiffe://td.example/db"
    assert (db.hint, db.default, db.dns_names, db.federates_with) == ("", False, (), ())
    assert db.order == 1


@pytest.mark.rows("SV-11")
def test_lifetimes_that_nobody_chose_are_short() -> None:
    _, db = parse(_FULL)
    assert db.x509_ttl <= timedelta(hours=1)
    assert db.jwt_ttl <= timedelta(minutes=5)


@pytest.mark.parametrize("text", ["", "entries:\n", "entries: []\n", "# nothing yet\n"])
def test_a_file_may_hold_no_entries(text: str) -> None:
    assert parse(text) == ()


def test_one_identity_for_two_sets_of_selectors_is_fine() -> None:
    text = "entries:\n- {id: /web, selectors: [a:b]}\n- {id: /web, selectors: [c:d]}\n"
    assert len({entry.entry_id for entry in parse(text)}) == 2


def test_the_entry_id_follows_from_id_and_selectors_alone() -> None:
    (before,) = parse(one("selectors: [a:b, c:d]", "hint: old"))
    (after,) = parse(one("selectors: [c:d, a:b]", "hint: new", "ttl: 5m"))
    assert before.entry_id == after.entry_id == "d9862bc5a1995e83"


def test_selectors_that_only_join_to_the_same_text_give_other_ids() -> None:
    web = SpiffeId(OWN, "/web")
    assert entry_id(web, [Selector("a", "b"), Selector("c", "d")]) != entry_id(
        web, [Selector("a", "b\nc:d")]
    )


def test_two_defaults_are_allowed_as_their_callers_may_differ() -> None:
    entries = parse(
        "entries:\n"
        "- {id: /a, selectors: [unix:uid:1], default: true}\n"
        "- {id: /b, selectors: [unix:uid:1], default: true}\n"
    )
    assert all(entry.default for entry in entries)


def test_the_entries_of_a_file_with_other_keys_are_read_where_those_are_known() -> None:
    data, lines = load("trust_domain: td.example\n" + _FULL, "accredit.yaml")
    reader = EntryReader("accredit.yaml", lines, OWN, DEFAULTS)
    checkout, _ = reader.read(data)
    assert reader.mistakes == []
    assert checkout.source == "accredit.yaml:3"
