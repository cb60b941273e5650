from __future__ import annotations

import resource

import pytest

from accredit.agent.limits import Limits, Shares, affordable_connections, raise_file_limit
from accredit.identity.errors import UnavailableError

ALICE, BOB = 1000, 1001


def test_each_user_has_a_share_of_its_own() -> None:
    shares = Shares("streams", each=2)
    shares.take(ALICE)
    shares.take(ALICE)
    with pytest.raises(UnavailableError, match="uid 1000 has 2 streams open, as many as it may"):
        shares.take(ALICE)
    shares.take(BOB)
    assert (shares.held(ALICE), shares.held(BOB), shares.total) == (2, 1, 3)


def test_what_is_given_back_can_be_taken_again() -> None:
    shares = Shares("streams", each=1)
    shares.take(ALICE)
    shares.give_back(ALICE)
    shares.take(ALICE)
    assert shares.total == 1


def test_all_together_have_a_bound_too() -> None:
    shares = Shares("connections", each=5, together=2)
    shares.take(ALICE)
    shares.take(BOB)
    with pytest.raises(UnavailableError, match="2 connections are open, as many as there may be"):
        shares.take(BOB)


def test_a_refusal_counts_nothing() -> None:
    shares = Shares("bytes", each=10)
    shares.take(ALICE, 8)
    with pytest.raises(UnavailableError, match="uid 1000 has 8 bytes open"):
        shares.take(ALICE, 3)
    shares.take(ALICE, 2)
    assert shares.total == 10


def test_a_user_who_holds_nothing_is_forgotten() -> None:
    shares = Shares("bytes", each=10)
    for uid in range(1000):
        shares.take(uid, 3)
        shares.give_back(uid, 3)
        shares.give_back(uid, 0)
    assert shares._held == {}


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        assert raise_file_limit() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_leave_descriptors_for_the_rest() -> None:
    assert affordable_connections(1024) == (1024 - 256) // 4
    assert affordable_connections(100) == 1


def test_by_default_no_user_can_take_all() -> None:
    limits = Limits()
    assert limits.connections_per_uid < limits.connections
    assert limits.request_bytes_per_uid < limits.request_bytes
    assert limits.message_bytes < limits.request_bytes_per_uid
