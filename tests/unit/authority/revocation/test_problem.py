"""Why revocations do not reach verifiers."""

from __future__ import annotations

from pathlib import Path

from support.clock import FakeClock
from support.revoking import OLD, POLICY, TWO, issued, opened, serials

from accredit.authority.revocation.crls import Root, Trusted
from accredit.authority.revocation.revocations import Revocations

KEYLESS = Trusted((Root("old", OLD.root, None), *TWO.roots[1:]), POLICY)


async def test_lists_too_large_for_clients_are_served_and_that_is_said(
    revocations: Revocations,
) -> None:
    for serial in range(90_000):
        revocations.note(issued((1 << 158) + serial))
    revocations.revoke_entry("a", "spiffe://prod.example/a")
    size = sum(map(len, revocations.crls))
    assert size > 3 << 20
    assert f"revocation lists of {size} bytes" in revocations.problem
    assert "4 MiB" in revocations.problem


def test_no_list_at_all_is_served_while_one_root_cannot_have_one(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock, KEYLESS) as revocations:
        assert revocations.problem == ""
        revocations.revoke(issued(1, issuer="new"))
        assert revocations.crls == ()
        assert "nobody has the key of root old" in revocations.problem
        revocations.trust(Trusted(KEYLESS.roots[1:], POLICY))
        assert serials(revocations) == [{1}]
        assert revocations.problem == ""
