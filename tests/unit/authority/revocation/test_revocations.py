"""What is revoked, and what that changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clock import SECOND, FakeClock
from support.revoking import NEW, OLD, issued, lists, opened, serials

from accredit.authority.revocation.revocations import Revocations
from accredit.identity.errors import NotFoundError


def test_once_one_svid_is_revoked_every_root_has_a_list(revocations: Revocations) -> None:
    told: list[list[set[int]]] = []
    revocations.changed = lambda: told.append(serials(revocations))
    assert revocations.revoke(issued(7)) == (issued(7),)
    assert told == [[{7}, set()]]
    assert revocations.serials == {7}
    for crl, ca in zip(lists(revocations), (OLD, NEW), strict=True):
        assert crl.is_signature_valid(ca.root.public_key())  # type: ignore[arg-type]


def test_what_is_revoked_already_or_has_ended_or_was_signed_by_nobody_changes_nothing(
    revocations: Revocations,
) -> None:
    revocations.revoke(issued(7))
    before = revocations.crls
    assert revocations.revoke(issued(7)) == ()
    assert revocations.revoke(issued(8, ttl=-SECOND)) == ()
    assert revocations.revoke(issued(9, issuer="retired")) == ()
    assert revocations.crls is not before
    assert revocations.crls == before


async def test_an_entry_is_revoked_with_every_svid_of_it_that_has_not_ended(
    revocations: Revocations,
) -> None:
    for each in (issued(1), issued(2, issuer="new"), issued(3, "b"), issued(4, ttl=-SECOND)):
        revocations.note(each)
    found = revocations.revoke_entry("a", "spiffe://prod.example/a")
    assert {each.serial for each in found} == {1, 2}
    assert serials(revocations) == [{1}, {2}]
    assert list(revocations.entries) == ["a"]
    revocations.note(issued(5))
    assert {each.serial for each in revocations.revoke_entry("a", "spiffe://prod.example/a")} == {5}
    assert list(revocations.entries) == ["a"]


async def test_an_entry_may_come_back_but_its_svids_do_not(revocations: Revocations) -> None:
    revocations.note(issued(1))
    revocations.revoke_entry("a", "spiffe://prod.example/a")
    told: list[bool] = []
    revocations.changed = lambda: told.append("a" in revocations.entries)
    revocations.lift("a")
    assert told == [False]
    assert revocations.serials == {1}
    with pytest.raises(NotFoundError, match="entry 'a' is not revoked"):
        revocations.lift("a")


async def test_everything_is_there_again_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock) as revocations:
        revocations.note(issued(1))
        revocations.note(issued(2, "b"))
        revocations.revoke_entry("a", "spiffe://prod.example/a")
        before = revocations.revoked
    with opened(tmp_path, clock) as revocations:
        assert revocations.revoked == before
        assert serials(revocations) == [{1}, set()]
        assert revocations.find(2) == issued(2, "b")
