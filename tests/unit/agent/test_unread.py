from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import FakeClock

from accredit.agent.limits import Shares
from accredit.agent.unread import Unread
from accredit.identity.errors import UnavailableError

ALICE = 1000
KIB = 1 << 10
FREE = 64 * KIB


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shares() -> Shares:
    return Shares("bytes of requests", each=100 * KIB)


@pytest.fixture
def unread(shares: Shares, clock: FakeClock) -> Unread:
    return Unread(shares, ALICE, clock.monotonic)


def test_small_amounts_are_free(unread: Unread, shares: Shares) -> None:
    unread.came(FREE)
    assert shares.total == 0


def test_more_is_taken_from_the_users_share(unread: Unread, shares: Shares) -> None:
    unread.came(FREE + 30 * KIB)
    assert shares.held(ALICE) == 30 * KIB


def test_what_arrives_at_a_method_is_given_back(unread: Unread, shares: Shares) -> None:
    unread.came(FREE + 30 * KIB)
    unread.delivered(20 * KIB)
    assert shares.held(ALICE) == 30 * KIB - 20 * KIB - 512
    unread.delivered(FREE)
    assert shares.held(ALICE) == 0


def test_beyond_the_share_there_is_an_end(unread: Unread, shares: Shares) -> None:
    unread.came(FREE + 100 * KIB)
    with pytest.raises(UnavailableError, match="uid 1000 has 102400 bytes of requests open"):
        unread.came(1)
    assert shares.held(ALICE) == 100 * KIB


def test_the_share_is_that_of_all_connections_of_a_user(
    unread: Unread, shares: Shares, clock: FakeClock
) -> None:
    unread.came(FREE + 60 * KIB)
    with pytest.raises(UnavailableError, match="as many as it may"):
        Unread(shares, ALICE, clock.monotonic).came(FREE + 60 * KIB)
    Unread(shares, ALICE + 1, clock.monotonic).came(FREE + 60 * KIB)


def test_a_closed_connection_gives_everything_back(unread: Unread, shares: Shares) -> None:
    unread.came(FREE + 60 * KIB)
    unread.close()
    assert shares.total == 0


def test_months_of_keep_alive_cost_nothing(
    unread: Unread, shares: Shares, clock: FakeClock
) -> None:
    for _ in range(100_000):
        clock.advance(timedelta(seconds=10))
        unread.came(17)
    assert shares.total == 0


def test_many_requests_one_after_the_other_cost_nothing(unread: Unread, shares: Shares) -> None:
    for _ in range(10_000):
        unread.came(400)
        unread.delivered(100)
    assert shares.total == 0
