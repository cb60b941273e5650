from __future__ import annotations

from support.entries import entry, selectors, template

from accredit.authority.entry_set import EntrySet
from accredit.authority.revocation.entries import ValidEntries
from accredit.identity.spiffe_id import SpiffeId

A, B = entry("/a"), entry("/b")
NOBODY: frozenset[str] = frozenset()
NO_ID: frozenset[SpiffeId] = frozenset()
USERS = template("/u/{unix:user}")
ANA = selectors("unix:user:ana")
ANA_ID = SpiffeId.parse("spiffe://prod.example/u/ana")


def test_while_nothing_is_revoked_the_entries_are_the_very_same_object() -> None:
    declared = EntrySet([A, B])
    assert ValidEntries().of(declared, NOBODY, NO_ID) is declared


def test_a_revoked_entry_is_as_if_removed_and_comes_back_when_it_is_not() -> None:
    declared = EntrySet([A, B])
    valid = ValidEntries()
    found = valid.of(declared, {A.entry_id}, {A.spiffe_id})
    assert list(found) == [B]
    assert A not in found.match(A.selectors)
    assert valid.of(declared, {A.entry_id}, {A.spiffe_id}) is found
    assert valid.of(declared, NOBODY, NO_ID) is declared
    assert list(valid.of(EntrySet([B, A]), {B.entry_id}, {B.spiffe_id})) == [A]


def test_a_revoked_template_gives_nobody_an_instance() -> None:
    declared = EntrySet([A, USERS])
    assert [each.path for each in declared.match(ANA)] == ["/u/ana"]
    assert ValidEntries().of(declared, {USERS.entry_id}, NO_ID).match(ANA) == ()


def test_a_revoked_instance_leaves_the_others_of_its_template() -> None:
    (ana,) = EntrySet([USERS]).match(ANA)
    found = ValidEntries().of(EntrySet([USERS]), {ana.entry_id}, {ana.spiffe_id})
    assert found.match(ANA) == ()
    assert found.current(ana) is None
    assert [each.path for each in found.match(selectors("unix:user:bob"))] == ["/u/bob"]


def test_an_id_that_was_written_out_and_revoked_does_not_come_back_by_a_template() -> None:
    written = entry("/u/ana", "unix:uid:7")
    declared = EntrySet([written, USERS])
    assert declared.match(ANA) == ()
    assert ValidEntries().of(declared, {written.entry_id}, {ANA_ID}).match(ANA) == ()
