from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.clock import FakeClock
from support.entries import entry
from support.running import quiet, running
from support.tokens import TokenBench

from accredit.authority.entry import Entry
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.rotation.followed_tokens import GONE, NO_ROOM, NO_ROOM_FOR_ENTRY
from accredit.rotation.held_token import Token

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
WEB, OTHER = entry("/web", jwt_ttl=10 * MINUTE), entry("/other")


class Listener:
    """A follower that counts its wakes."""

    def __init__(self, bench: TokenBench) -> None:
        self.wakes = 0
        self.bench = bench

    def wake(self) -> None:
        self.wakes += 1

    def join(self, audience: str = "a", entry: Entry = WEB) -> str:
        """Return the token there is, or why there is none."""
        held = self.bench.tokens.join(entry, audience, self)
        if isinstance(held, str):
            return held
        found = held.usable(self.bench.clock.now())
        return found.svid.token if found else ""

    def leave(self, audience: str = "a", entry: Entry = WEB) -> None:
        self.bench.tokens.leave((entry.entry_id, audience), self)
        self.bench.tokens.invite()


async def later(bench: TokenBench, span: timedelta) -> None:
    bench.clock.advance(span)
    await quiet()


async def test_a_token_is_signed_when_somebody_follows_it_and_nobody_signs_the_others() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        assert listener.join() == ""
        await quiet()
        assert listener.wakes == 1
        found = validate_jwt_svid(
            listener.join(), {"a"}, bench.authority.bundles, bench.clock.now()
        )
        assert found.spiffe_id == WEB.spiffe_id
        assert bench.authority.signed == 1


async def test_all_who_follow_share_one_token_and_hear_of_the_next_at_half_of_its_life() -> None:
    bench = TokenBench(WEB)
    first, second = Listener(bench), Listener(bench)
    async with running(bench):
        first.join()
        second.join()
        await quiet()
        old = first.join()
        assert second.join() == old
        await later(bench, 5 * MINUTE - SECOND)
        assert first.join() == old
        await later(bench, 31 * SECOND)
        assert first.join() == second.join() != old
        assert (first.wakes, second.wakes, bench.authority.signed) == (2, 2, 2)


async def test_the_loop_sleeps_until_the_next_is_due_and_does_not_tick() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        await quiet()
        assert bench.clock.waits == []
        listener.join()
        await quiet()
        (wait,) = bench.clock.waits
    assert 5 * MINUTE <= wait <= 5.5 * MINUTE


async def test_what_nobody_follows_any_more_is_not_renewed_and_not_kept() -> None:
    bench = TokenBench(WEB)
    first, second = Listener(bench), Listener(bench)
    async with running(bench):
        first.join()
        second.join()
        await quiet()
        first.leave()
        await later(bench, 6 * MINUTE)
        assert (first.wakes, second.wakes) == (1, 2)
        second.leave()
        await later(bench, 60 * MINUTE)
    assert bench.authority.signed == 2
    assert list(bench.tokens) == []
    assert len(bench.tokens.agenda) == 0
    assert not bench.tokens._of_entry


async def test_in_an_outage_the_old_one_stays_until_it_ends_and_each_try_waits_longer() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.authority.down = True
        await later(bench, 6 * MINUTE)
        (held,) = bench.tokens
        assert (held.failures, held.error) == (1, "the fake authority is down")
        for _ in range(20):
            await later(bench, 10 * SECOND)
        assert 2 < held.failures < 10
        assert listener.join() == old
        await later(bench, MINUTE)
        assert listener.join() == ""
        assert held.token is None
        bench.authority.down = False
        await later(bench, MINUTE + 10 * SECOND)
        assert listener.join() not in {"", old}
        assert held.failures == 0


async def test_an_outage_is_told_once_and_without_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    bench.authority.down = True
    with caplog.at_level(logging.INFO):
        async with running(bench):
            listener.join()
            for _ in range(10):
                await later(bench, MINUTE)
    assert [record.message for record in caplog.records] == ["token not issued"]
    assert vars(caplog.records[0])["spiffe_id"] == "spiffe://prod.example/web"


async def test_a_new_signer_replaces_tokens_at_once() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.authority.rotate()
        assert listener.join() == old
        await quiet()
        assert listener.join() != old


async def test_the_old_one_stays_while_a_new_signer_does_not_answer() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.authority.down = True
        bench.authority.rotate()
        await quiet()
        assert listener.join() == old


async def test_an_entry_with_another_lifetime_gets_a_new_token() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.authority.set_entries(entry("/web", jwt_ttl=2 * MINUTE))
        await quiet()
        assert listener.join() != old


async def test_an_entry_that_is_gone_has_no_token_whoever_follows_it() -> None:
    bench = TokenBench(WEB, OTHER)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        listener.join(entry=OTHER)
        await quiet()
        bench.authority.set_entries(OTHER)
        assert listener.join() == GONE
        assert [held.entry for held in bench.tokens] == [OTHER]
        await later(bench, 60 * MINUTE)
        bench.authority.set_entries(WEB, OTHER)
        assert listener.join() == ""
        listener.leave()
        assert [held.entry for held in bench.tokens] == [OTHER]


async def test_a_suspend_is_noticed_and_what_ended_in_it_is_replaced_at_once() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.clock.jump(timedelta(hours=5))
        await quiet()
        assert listener.join() not in {"", old}


async def test_after_the_clock_was_set_back_no_token_of_the_future_is_given_out() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    async with running(bench):
        listener.join()
        await quiet()
        old = listener.join()
        bench.clock.jump(timedelta(hours=-5))
        await quiet()
        assert listener.join() not in {"", old}
        (held,) = bench.tokens
        assert isinstance(held.token, Token)
        assert held.token.svid.issued_at <= bench.clock.now()


async def test_so_many_are_kept_and_who_was_turned_away_hears_of_room() -> None:
    bench = TokenBench(WEB, OTHER, followed_jwt_svids=2)
    first, second = Listener(bench), Listener(bench)
    async with running(bench):
        first.join("a")
        first.join("b", OTHER)
        assert second.join("c") == NO_ROOM
        assert second.join("a") == ""
        await quiet()
        heard = second.wakes
        first.leave("b", OTHER)
        await quiet()
        assert second.wakes == heard + 1
        assert second.join("c") == ""


async def test_one_entry_may_not_take_all_the_room() -> None:
    bench = TokenBench(WEB, OTHER, followed_audiences=2)
    listener = Listener(bench)
    assert [listener.join(name) for name in "abc"] == ["", "", NO_ROOM_FOR_ENTRY]
    assert listener.join("c", OTHER) == ""


async def test_one_that_hangs_does_not_hold_up_the_others() -> None:
    bench = TokenBench(WEB, OTHER)
    listener = Listener(bench)
    bench.authority.open.clear()
    async with running(bench):
        listener.join()
        await quiet()
        bench.authority.open.set()
        listener.join(entry=OTHER)
        await quiet()
        assert listener.join(entry=OTHER)


async def test_two_looks_at_the_same_time_are_one_renewal() -> None:
    bench = TokenBench(WEB)
    listener = Listener(bench)
    listener.join()
    (held,) = bench.tokens
    await bench.tokens.tend(held)
    before = held.token
    bench.clock.advance(MINUTE)
    await bench.tokens.tend(held)
    assert held.token is before
    assert (held.rotations, bench.authority.signed) == (1, 1)


def test_a_token_shows_in_no_repr() -> None:
    bench = TokenBench(WEB)
    Listener(bench).join()
    (held,) = bench.tokens
    assert isinstance(bench.clock, FakeClock)
    assert "eyJ" not in repr(held)
