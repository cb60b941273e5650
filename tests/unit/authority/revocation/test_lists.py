"""Which lists there are."""

from __future__ import annotations

from pathlib import Path

from support.ca import TestCa
from support.clock import FakeClock
from support.revoking import POLICY, TWO, issued, opened, serials

from accredit.authority.revocation.crls import Root, Trusted
from accredit.authority.revocation.revocations import Revocations


def test_while_nothing_is_revoked_there_are_no_lists(revocations: Revocations) -> None:
    assert revocations.crls == ()
    assert revocations.problem == ""


def test_unless_somebody_always_wants_them(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock, always=True) as revocations:
        assert serials(revocations) == [set(), set()]


def test_a_list_that_says_the_same_is_not_signed_again(revocations: Revocations) -> None:
    revocations.revoke(issued(1))
    _, new = revocations.crls
    revocations.revoke(issued(2))
    assert revocations.crls[1] == new
    revocations.trust(TWO)
    assert revocations.crls[1] == new


def test_a_new_root_has_its_list_at_once(revocations: Revocations) -> None:
    revocations.revoke(issued(1))
    third = TestCa("prod.example")
    revocations.trust(Trusted((*TWO.roots, Root("third", third.root, third.key)), POLICY))
    assert serials(revocations) == [{1}, set(), set()]
    revocations.trust(Trusted(TWO.roots[1:], POLICY))
    assert serials(revocations) == [set()]
