from __future__ import annotations

import pytest
from support.entries import entry

from accredit.rotation.entitlement import Entitlement


def paths(entitlement: Entitlement) -> list[str]:
    return [each.spiffe_id.path for each in entitlement.entries]


@pytest.mark.rows("WC-21")
def test_the_default_entry_comes_first_and_the_others_in_file_order() -> None:
    entries = [entry("/a"), entry("/b"), entry("/c", default=True), entry("/d")]
    assert paths(Entitlement(entries)) == ["/c", "/a", "/b", "/d"]


@pytest.mark.rows("WC-21")
def test_without_a_default_file_order_holds() -> None:
    assert paths(Entitlement([entry("/b"), entry("/a")])) == ["/b", "/a"]


@pytest.mark.rows("XS-10", "JS-07")
def test_the_older_of_two_entries_keeps_the_hint_and_no_entry_is_lost() -> None:
    old, new = entry("/old", hint="internal"), entry("/new", hint="internal")
    entitlement = Entitlement([old, new])
    assert paths(entitlement) == ["/old", "/new"]
    assert entitlement.hints == {old.entry_id: "internal", new.entry_id: ""}
    assert entitlement.disputes == ((old, new),)


@pytest.mark.rows("XS-10", "JS-07")
def test_being_the_default_does_not_take_a_hint_from_an_older_entry() -> None:
    old, new = entry("/old", hint="internal"), entry("/new", hint="internal", default=True)
    entitlement = Entitlement([old, new])
    assert paths(entitlement) == ["/new", "/old"]
    assert entitlement.hints == {old.entry_id: "internal", new.entry_id: ""}


def test_entries_without_hints_have_no_dispute() -> None:
    assert Entitlement([entry("/a"), entry("/b")]).disputes == ()


def test_it_brings_the_bundles_of_all_its_entries() -> None:
    entries = [
        entry("/a", federates_with=("x.example",)),
        entry("/b", federates_with=("y.example",)),
    ]
    assert {each.name for each in Entitlement(entries).federated} == {"x.example", "y.example"}
