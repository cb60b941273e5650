"""Lists are signed anew, by a clock that stands until it is moved."""

from __future__ import annotations

import logging
from datetime import datetime

import pytest
from support.clock import DAY, HOUR, FakeClock
from support.revoking import POLICY, issued, let_pass, lists, running, serials

from accredit.authority.revocation.revocations import Revocations


async def test_lists_are_signed_anew_at_half_of_their_time_so_that_none_ever_ends(
    revocations: Revocations, clock: FakeClock
) -> None:
    revocations.revoke(issued(7, ttl=30 * DAY))
    told: list[datetime] = []
    revocations.changed = lambda: told.append(clock.now())
    async with running(revocations):
        for _ in range(20):
            await let_pass(clock, DAY / 2)
            for crl in lists(revocations):
                assert crl.next_update_utc is not None
                # Whatever was signed by now ends before the list would.
                assert crl.next_update_utc >= clock.now() + POLICY.longest + POLICY.skew
                assert crl.last_update_utc <= clock.now() - POLICY.skew
    assert len(told) == 6, told
    assert serials(revocations) == [{7}, set()]


async def test_what_has_ended_leaves_the_lists_when_they_are_signed_anew(
    revocations: Revocations, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    revocations.revoke(issued(1))
    revocations.revoke(issued(2, ttl=3 * DAY))
    async with running(revocations):
        await let_pass(clock, 2 * HOUR)
        assert serials(revocations) == [{1, 2}, set()]
        await let_pass(clock, DAY)
        assert serials(revocations) == [{2}, set()]
        await let_pass(clock, 3 * DAY)
        assert revocations.crls == ()
        assert not revocations.revoked
    first, last = (record.getMessage() for record in caplog.records)
    assert first == "revocation lists signed anew"
    assert last == "nothing is revoked any more: there are no revocation lists"
