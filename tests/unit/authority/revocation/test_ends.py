"""When what is revoked ends, by a clock that is set."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import DAY, HOUR, MINUTE, FakeClock
from support.revoking import issued, let_pass, lists, opened, running, serials

from accredit.authority.revocation.revocations import Revocations


async def test_a_clock_that_is_set_back_brings_lists_that_have_begun(
    revocations: Revocations, clock: FakeClock
) -> None:
    revocations.revoke(issued(1))
    async with running(revocations):
        clock.jump(-DAY)
        await let_pass(clock, timedelta())
        for crl in lists(revocations):
            assert crl.last_update_utc < clock.now()


@pytest.mark.parametrize("away", [2 * DAY, 3650 * DAY])
async def test_a_clock_that_was_wrong_for_a_while_gives_nobody_back_what_was_revoked(
    tmp_path: Path, clock: FakeClock, away: timedelta
) -> None:
    with opened(tmp_path, clock) as revocations:
        revocations.note(issued(2, "b", ttl=10 * HOUR))
        revocations.revoke(issued(1, ttl=10 * HOUR))
        async with running(revocations):
            clock.jump(away)
            await let_pass(clock, MINUTE)
            for serial in range(100, 100 + 1024):
                revocations.note(issued(serial, ttl=away + HOUR))
            revocations.revoke(issued(3, ttl=away + HOUR))
            await let_pass(clock, MINUTE)
            clock.jump(-away)
            await let_pass(clock, MINUTE)
            assert 1 in serials(revocations)[0]
            assert revocations.find(2) is not None
    with opened(tmp_path, clock) as revocations:
        assert 1 in serials(revocations)[0]


async def test_a_clock_that_was_set_right_lets_what_has_ended_go_in_the_end(
    revocations: Revocations, clock: FakeClock
) -> None:
    clock.jump(-3650 * DAY)
    revocations.revoke(issued(1))
    clock.jump(3650 * DAY + 2 * HOUR)
    async with running(revocations):
        for _ in range(5):
            await let_pass(clock, DAY)
        assert not revocations.revoked
