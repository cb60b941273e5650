from __future__ import annotations

from datetime import timedelta

from support.entries import entry
from support.running import quiet, running
from support.tokens import TokenBench

from accredit.rotation.held_token import Token
from accredit.rotation.token_follower import NOT_YET, TokenFollower

WEB, OTHER = entry("/web"), entry("/other")


def audiences(bench: TokenBench) -> list[str]:
    return sorted(held.audience for held in bench.tokens)


async def test_what_is_looked_up_is_followed_and_comes() -> None:
    bench = TokenBench(WEB)
    follower, woken = bench.follower(), list[bool]()
    follower.wake = lambda: woken.append(True)
    async with running(bench):
        assert follower.look_up(WEB, "a") == NOT_YET
        await quiet()
        assert woken == [True]
        found = follower.look_up(WEB, "a")
        assert isinstance(found, Token)
        assert found.svid.audience == ("a",)


async def test_a_round_ends_what_was_not_looked_up_in_it() -> None:
    bench = TokenBench(WEB)
    follower = bench.follower()
    for wanted in ("ab", "bc", "c", ""):
        with follower.round():
            for audience in wanted:
                follower.look_up(WEB, audience)
        assert audiences(bench) == list(wanted)


async def test_what_another_follows_as_well_stays() -> None:
    bench = TokenBench(WEB)
    one, other = bench.follower(), bench.follower()
    one.look_up(WEB, "a")
    other.look_up(WEB, "a")
    one.close()
    assert audiences(bench) == ["a"]
    other.close()
    assert audiences(bench) == []


async def test_who_was_turned_away_and_has_gone_is_not_kept() -> None:
    bench = TokenBench(WEB, OTHER, followed_jwt_svids=1)
    one, other = bench.follower(), bench.follower()
    one.look_up(WEB, "a")
    assert isinstance(other.look_up(WEB, "b"), str)
    assert bench.tokens._turned_away == {None: {other: None}}
    other.close()
    assert bench.tokens._turned_away == {}


async def test_obtaining_waits_for_all_that_was_looked_up_without_a_loop() -> None:
    bench = TokenBench(WEB)
    follower = bench.follower()
    for audience in "ab":
        follower.look_up(WEB, audience)
    await follower.obtain()
    assert all(isinstance(follower.look_up(WEB, each), Token) for each in "ab")
    await follower.obtain()
    assert bench.authority.signed == 2


async def test_obtaining_ends_when_nobody_can_sign_or_nobody_answers() -> None:
    bench = TokenBench(WEB)
    bench.authority.down = True
    follower = bench.follower(patience=0.3)
    follower.look_up(WEB, "a")
    await follower.obtain()
    assert follower.look_up(WEB, "a") == f"{NOT_YET}: the fake authority is down"
    bench.authority.down = False
    bench.authority.open.clear()
    bench.clock.advance(timedelta(minutes=1))
    await follower.obtain()
    assert isinstance(follower.look_up(WEB, "a"), str)


async def test_an_entry_that_came_back_while_followed_is_followed_anew() -> None:
    bench = TokenBench(WEB)
    follower: TokenFollower = bench.follower()
    follower.look_up(WEB, "a")
    bench.authority.set_entries()
    bench.authority.set_entries(WEB)
    with follower.round():
        follower.look_up(WEB, "a")
    assert audiences(bench) == ["a"]
    follower.close()
    assert audiences(bench) == []


async def test_room_is_offered_to_one_after_the_other_until_somebody_takes_it() -> None:
    bench = TokenBench(WEB, OTHER, followed_jwt_svids=1)
    first, *waiting = (bench.follower() for _ in range(5))
    woken: list[int] = []
    for number, follower in enumerate(waiting):
        follower.wake = lambda number=number: woken.append(number)  # type: ignore[misc]
    first.look_up(WEB, "a")
    for follower in waiting:
        with follower.round():
            follower.look_up(WEB, "b")
    first.close()
    assert woken == [0]
    for gone in waiting[:2]:  # they have been told, and want nothing any more
        with gone.round():
            pass
    assert woken == [0, 1, 2]
    with waiting[2].round():
        assert waiting[2].look_up(WEB, "b") == NOT_YET
    with waiting[3].round():
        assert waiting[3].look_up(WEB, "b") == NOT_YET
    assert len(list(bench.tokens)) == 1
    assert bench.tokens._turned_away == {}


async def test_room_of_one_entry_is_not_offered_to_who_waits_for_anothers() -> None:
    bench = TokenBench(WEB, OTHER, followed_audiences=1)
    one, two, wants_web, wants_other = (bench.follower() for _ in range(4))
    woken: list[str] = []
    wants_web.wake = lambda: woken.append("web")
    wants_other.wake = lambda: woken.append("other")
    one.look_up(WEB, "a")
    two.look_up(OTHER, "a")
    wants_web.look_up(WEB, "b")
    wants_other.look_up(OTHER, "b")
    two.close()
    assert woken[0] == "other"
    assert "web" not in woken
